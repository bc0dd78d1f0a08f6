import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { keywordCompletionSource, PostgreSQL, sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting, syntaxTree } from '@codemirror/language';
import { EditorState, Prec, StateEffect, StateField } from '@codemirror/state';
import { Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--code-keyword)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--code-number)' },
  { tag: [tags.lineComment, tags.blockComment], color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: tags.typeName, color: 'var(--code-number)' },
]);

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '13.5px', color: 'var(--text)', backgroundColor: 'var(--panel)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--text)' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-gutters': { backgroundColor: 'var(--panel)', color: 'var(--muted)', border: 'none', paddingRight: '4px' },
  '.cm-activeLine': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--panel-2) 55%, transparent)' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': { backgroundColor: 'var(--accent-soft)' },
  '.cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--text)', border: '1px solid var(--line-strong)', borderRadius: '6px' },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12.5px' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--accent-text)' },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.75', fontStyle: 'normal', marginLeft: '1em' },
  '.cm-completionInfo': { padding: '6px 10px', maxWidth: '340px', fontSize: '12.5px', fontFamily: 'var(--sans)' },
  '.cm-placeholder': { color: 'var(--muted)' },
  '.wrong': { textDecoration: 'underline wavy var(--bad)', backgroundColor: 'var(--bad-soft)' },
});

const markWrong = StateEffect.define();
const wrong = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    let now = transaction.docChanged ? Decoration.none : marks;
    for (const effect of transaction.effects) {
      if (effect.is(markWrong)) now = effect.value === null ? Decoration.none : Decoration.set([Decoration.mark({ class: 'wrong' }).range(effect.value.from, effect.value.to)]);
    }
    return now;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** The statement that a place is in, or the one before it. */
function statementAt(state, position) {
  let found = null;
  for (let node = syntaxTree(state).topNode.firstChild; node; node = node.nextSibling) {
    if (node.name !== 'Statement') continue;
    if (!found || node.from <= position) found = node;
    if (node.to >= position) break;
  }
  return found ? { from: found.from, to: found.to } : { from: 0, to: state.doc.length };
}

/** Completes tables as schema.table, and columns of the tables that the statement names. */
function completer(tables) {
  const all = tables.map((t) => ({ label: `${t.schema}.${t.name}`, type: 'class', detail: t.view ? 'view' : 'table', info: t.comment ?? undefined, boost: t.schema === 'business' ? 1 : 0 }));
  return (context) => {
    const word = context.matchBefore(/[\w."]*/);
    if (word.from === word.to && !context.explicit) return null;
    const { from, to } = statementAt(context.state, context.pos);
    const text = context.state.sliceDoc(from, to).toLowerCase();
    const named = tables.filter((t) => text.includes(`${t.schema}.${t.name}`) && new RegExp(`\\b${t.schema}\\.${t.name}\\b`).test(text));
    const dot = word.text.lastIndexOf('.');
    const before = dot < 0 ? '' : word.text.slice(0, dot).toLowerCase();
    const column = (t, c) => ({ label: c.name, type: 'property', detail: c.type, info: c.comment ? `${t.schema}.${t.name}: ${c.comment}` : undefined, boost: 2 });
    if (before) {
      const alias = named.filter((t) => before === t.name || before === `${t.schema}.${t.name}` || new RegExp(`\\b${t.schema}\\.${t.name}\\s+(?:as\\s+)?${before.replace(/\W/g, '')}\\b`).test(text));
      if (alias.length) return { from: word.from + dot + 1, options: alias.flatMap((t) => t.columns.map((c) => column(t, c))), validFor: /^\w*$/ };
      return { from: word.from, options: all.filter((o) => o.label.startsWith(before)), validFor: /^[\w.]*$/ };
    }
    const seen = new Set();
    const columns = named.flatMap((t) => t.columns.map((c) => column(t, c))).filter((o) => !seen.has(o.label) && seen.add(o.label));
    return { from: word.from, options: [...columns, ...all], validFor: /^\w*$/ };
  };
}

/** An editor of SQL. Its styles live in its own root, so that the page needs no inline ones. */
class Editor extends HTMLElement {
  #view;
  #tables = [];

  connectedCallback() {
    if (this.#view) return;
    const root = this.attachShadow({ mode: 'open' });
    const keywords = keywordCompletionSource(PostgreSQL, true);
    this.#view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: this.value ?? '',
        extensions: [
          Prec.highest(
            keymap.of([
              { key: 'Mod-Enter', run: () => (this.dispatchEvent(new CustomEvent('run', { detail: this.statement() })), true) },
              { key: 'Mod-k', run: () => false },
            ]),
          ),
          lineNumbers(),
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          EditorView.lineWrapping,
          sql({ dialect: PostgreSQL, upperCaseKeywords: true }),
          syntaxHighlighting(colours),
          autocompletion({ override: [(c) => completer(this.#tables)(c), keywords], icons: false, maxRenderedOptions: 60 }),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
          placeholder('SELECT … · Ctrl-Space completes, Ctrl-Enter runs'),
          EditorView.contentAttributes.of({ 'aria-label': 'SQL. Escape, then Tab, leaves the editor' }),
          look,
          wrong,
          // A browser that writes over a selection by itself keeps the look of what was there as an inline
          // style, which the content policy forbids; brackets and quotes are put around it elsewhere.
          EditorView.domEventHandlers({
            beforeinput: (e, view) => {
              if (e.inputType !== 'insertText' || e.isComposing || !e.data || view.state.selection.main.empty || /^[([{'"]$/.test(e.data)) return false;
              e.preventDefault();
              view.dispatch(view.state.replaceSelection(e.data), { userEvent: 'input.type', scrollIntoView: true });
              return true;
            },
          }),
          EditorView.updateListener.of((u) => {
            if (u.docChanged) this.dispatchEvent(new CustomEvent('change', { detail: u.state.doc.toString() }));
          }),
        ],
      }),
    });
  }

  set tables(tables) {
    this.#tables = tables;
  }

  get text() {
    return this.#view.state.doc.toString();
  }

  set text(text) {
    if (text !== this.text) this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  /** What would run now: the selection, else the statement under the cursor. */
  statement() {
    const state = this.#view.state;
    const range = state.selection.main;
    const { from, to } = range.empty ? statementAt(state, range.head) : range;
    return { from, text: state.sliceDoc(from, to) };
  }

  /** Marks the character that is wrong, from 0; null marks none. */
  mark(position) {
    const length = this.#view.state.doc.length;
    if (position === null || position >= length) {
      this.#view.dispatch({ effects: markWrong.of(position === null || length === 0 ? null : { from: length - 1, to: length }) });
      return;
    }
    const word = this.#view.state.wordAt(position);
    this.#view.dispatch({ effects: markWrong.of({ from: position, to: Math.max(position + 1, word?.to ?? 0) }) });
  }

  insert(text) {
    this.#view.dispatch(this.#view.state.replaceSelection(text));
    this.#view.focus();
  }

  complete() {
    startCompletion(this.#view);
  }

  focus() {
    this.#view.focus();
  }
}
customElements.define('etl-editor', Editor);
