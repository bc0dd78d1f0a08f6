SELECT id, stage, source, reason, file, line, column_name, chain_id, block_number, topic, partition, "offset", endpoint, occurred_at,
    length(payload) AS payload_bytes, encode(substring(payload FROM 1 FOR 2000), 'escape') AS payload
FROM ops.dead_letters
WHERE stage = :stage AND code = :code AND coalesce(source, '') = :source AND coalesce(topic, '') = :topic
ORDER BY occurred_at DESC LIMIT 50
