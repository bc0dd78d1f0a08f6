SELECT from_number, to_number, outcome, blocks, absent, dead_letters, calls, retries, endpoint, worker, bytes, started_at, finished_at
FROM ops.extract_results WHERE job_id = :run AND source = :source
ORDER BY from_number LIMIT 500
