package io.cryptoetl.extractor.endpoint;

import java.util.Map;
import java.util.Optional;

/**
 * How an endpoint does.
 *
 * @param health healthy, paused (it asked to be left alone), down (circuit open) or probing
 * @param head newest number that it was seen to have
 * @param inFlight requests that it is answering now
 * @param concurrency most requests that it is given at once
 * @param batchCalls most calls that it is given in one request
 * @param ratePerSecond calls a second that it is given at most; empty while it has set no limit
 * @param latencyMillis moving average over its answers
 * @param failures failed requests and refused answers by code, since the service started
 * @param problem the last failure, until a request succeeds
 * @param note what was learned of what it serves, if it is not all
 */
public record EndpointStatus(
    String name,
    String health,
    Optional<Long> head,
    int inFlight,
    int concurrency,
    int batchCalls,
    Optional<Double> ratePerSecond,
    long latencyMillis,
    Map<String, Long> failures,
    Optional<String> problem,
    Optional<String> note) {}
