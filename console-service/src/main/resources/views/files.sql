SELECT f.file, f.file_version, f.state, f.code, f.reason, f.location, f.dataset, array_to_json(f.parameters) AS parameters, f.requested_by, f.size, f.total_rows, f.rows,
    f.seen_at, f.finished_at, s.part, s.read, s.loaded, s.unchanged, s.dead_letters, s.on_the_way
FROM (
    SELECT * FROM ops.files
    WHERE seen_at < coalesce(nullif(:before, '')::timestamptz, 'infinity')
    ORDER BY seen_at DESC LIMIT 200
) AS f
LEFT JOIN ops.file_summary AS s ON s.file = f.file AND s.file_version = f.file_version AND s.fetched_at = f.fetched_at
ORDER BY f.seen_at DESC
