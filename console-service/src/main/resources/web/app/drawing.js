// Draws charts with ECharts. Loaded only when a chart is wanted.
import { BarChart, CandlestickChart, LineChart } from 'echarts/charts';
import { DataZoomComponent, GridComponent, LegendComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { grouped, instant, isDark, settings, time } from './core.js';
import { shown } from './grid.js';

use([BarChart, CandlestickChart, LineChart, DataZoomComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const PALETTE = { light: ['#0b63ce', '#c2570c', '#13733c', '#8a1fa8', '#b3261e', '#5c6773'], dark: ['#6cb2ff', '#ffb066', '#5fd08d', '#d69bff', '#ff8a80', '#a9b6c4'] };
const BARS = 40;

export function draw(element, { columns, rows, chart, units }) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const at = (name) => columns.findIndex((c) => c.name === name);
  const x = at(chart.x);
  const scale = (i) => (columns[i].unit === 'wei' && units ? 1e-18 : 1);
  const value = (row, i) => (row[i] === null ? null : Number(row[i]) * scale(i));
  const isTime = ['timestamptz', 'timestamp', 'date'].includes(columns[x].type);
  const moment = (cell) => instant(cell).getTime();
  const sorted = rows.filter((r) => r[x] !== null);
  if (isTime) sorted.sort((a, b) => moment(a[x]) - moment(b[x]));
  else if (chart.type === 'line') sorted.sort((a, b) => Number(a[x]) - Number(b[x]));
  const axis = { axisLine: { lineStyle: { color: colour('--line-strong') } }, axisLabel: { color: colour('--muted'), hideOverlap: true }, splitLine: { lineStyle: { color: colour('--line') } } };
  const short = (n) => (Math.abs(n) >= 1e15 || (n !== 0 && Math.abs(n) < 1e-4) ? n.toExponential(1) : Math.abs(n) >= 1e9 ? `${+(n / 1e9).toPrecision(4)}G` : Math.abs(n) >= 1e6 ? `${+(n / 1e6).toPrecision(4)}M` : Math.abs(n) >= 1e4 ? `${+(n / 1e3).toPrecision(4)}k` : String(+n.toPrecision(6)));
  const valueAxis = { ...axis, type: 'value', scale: chart.type !== 'bar', axisLabel: { color: colour('--muted'), formatter: short } };
  // Series of another unit than the first one are there, and off: one scale cannot show both.
  const first = columns.find((c) => c.name === chart.y[0]);
  const measure = (c) => c.unit ?? /_(usd|count)$/.exec(c.name)?.[1] ?? '';
  const alike = (c) => measure(c) === measure(first);
  const category = chart.type === 'bar' || chart.type === 'candles';
  const cut = chart.type === 'bar' ? sorted.slice(0, BARS) : sorted;
  const option = {
    useUTC: settings.utc,
    animation: false,
    color: PALETTE[isDark() ? 'dark' : 'light'],
    textStyle: { fontFamily: colour('--sans') },
    grid: { left: 12, right: 18, top: chart.y.length > 1 && chart.type !== 'candles' ? 34 : 16, bottom: 8, containLabel: true },
    tooltip: {
      trigger: 'axis',
      renderMode: 'richText',
      backgroundColor: colour('--panel'),
      borderColor: colour('--line-strong'),
      textStyle: { color: colour('--text'), fontSize: 12 },
      valueFormatter: (v) => (v === null || v === undefined ? '—' : Array.isArray(v) ? v.join(' ') : grouped(+Number(v).toPrecision(12))),
    },
    xAxis: category
      ? { ...axis, type: 'category', data: cut.map((r) => (isTime ? time(moment(r[x]), { seconds: false }).replace(' UTC', '') : shown(columns[x], r[x], false).slice(0, 18))) }
      : { ...axis, type: isTime ? 'time' : 'value', scale: true, splitLine: { show: false } },
    yAxis: valueAxis,
    dataZoom: cut.length > 60 ? [{ type: 'inside', filterMode: 'none' }] : [],
    legend: chart.y.length > 1 && chart.type !== 'candles' ? { top: 0, selected: Object.fromEntries(chart.y.map((name) => [name, alike(columns[at(name)])])), textStyle: { color: colour('--text') }, type: 'scroll' } : undefined,
  };
  if (chart.type === 'candles') {
    const [open, high, low, close] = ['open', 'high', 'low', 'close'].map(at);
    option.series = [{ type: 'candlestick', name: 'price', data: cut.map((r) => [value(r, open), value(r, close), value(r, low), value(r, high)]), itemStyle: { color: colour('--good'), borderColor: colour('--good'), color0: colour('--bad'), borderColor0: colour('--bad') } }];
  } else {
    option.series = chart.y.map((name) => {
      const y = at(name);
      return category ? { type: 'bar', name, data: cut.map((r) => value(r, y)), barMaxWidth: 46 } : { type: 'line', name, showSymbol: cut.length < 40, symbolSize: 5, sampling: 'lttb', lineStyle: { width: 1.6 }, data: cut.map((r) => [isTime ? moment(r[x]) : Number(r[x]), value(r, y)]) };
    });
  }
  const made = init(element);
  made.setOption(option);
  return made;
}
