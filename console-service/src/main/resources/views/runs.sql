SELECT r.run_id, r.source, r.trigger, r.outcome, r.head_number, r.from_number, r.to_number, r.ranges + r.replaced + r.retried AS ranges,
    r.problem, r.instance, r.started_at, r.finished_at,
    j.done, j.records, j.dead_letters, j.retries, j.bytes, j.last_at
FROM (
    SELECT * FROM ops.extract_runs
    WHERE finished_at < coalesce(nullif(:before, '')::timestamptz, 'infinity')
    ORDER BY finished_at DESC LIMIT 400
) AS r
CROSS JOIN LATERAL (
    SELECT count(*) AS done, sum(blocks) AS records, sum(dead_letters) AS dead_letters, sum(retries) AS retries, sum(bytes) AS bytes, max(finished_at) AS last_at
    FROM ops.extract_results AS e WHERE e.job_id = r.run_id AND e.source = r.source
) AS j
ORDER BY r.finished_at DESC
