SELECT count(*) AS done, count(*) FILTER (WHERE outcome = 'cancelled') AS cancelled, coalesce(sum(blocks), 0) AS records,
    coalesce(sum(dead_letters), 0) AS dead_letters, max(finished_at) AS last_at
FROM ops.extract_results WHERE job_id = :job
