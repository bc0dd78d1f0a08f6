SELECT count(*) AS ranges, avg(extract(epoch FROM finished_at - started_at)) AS seconds_each, max(to_number - from_number + 1) AS size
FROM (
    SELECT started_at, finished_at, from_number, to_number FROM ops.extract_results
    WHERE source = :feed AND outcome = 'published'
    ORDER BY finished_at DESC LIMIT 50
) AS r
