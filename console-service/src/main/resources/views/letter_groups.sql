SELECT stage, code, coalesce(source, '') AS source, coalesce(topic, '') AS topic, letters, first_at, last_at, last_reason
FROM audit.dead_letters ORDER BY letters DESC LIMIT 200
