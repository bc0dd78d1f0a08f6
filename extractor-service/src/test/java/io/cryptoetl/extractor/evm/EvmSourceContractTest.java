package io.cryptoetl.extractor.evm;

import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.FakeServer;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.SourceContract;
import io.cryptoetl.extractor.verify.ChainProfile;
import java.time.Duration;
import java.util.List;

class EvmSourceContractTest extends SourceContract {
  @Override
  protected FakeServer server() {
    return new FakeNode().withEmptyBlocks(0, 120);
  }

  @Override
  protected Source source(EndpointPool<HttpCaller> unused, HttpCaller caller) {
    return EvmSource.over(
        new EvmSource.Settings(
            "ethereum",
            1,
            ChainProfile.GENERIC_EVM,
            java.util.Set.of(),
            1,
            true,
            new Finality.Finalized(),
            64,
            EvmSource.Receipts.REQUIRED,
            20,
            1 << 20,
            3,
            Duration.ofMillis(1)),
        List.of(new EndpointPool.Member<>("alpha", caller, Double.POSITIVE_INFINITY)),
        new EndpointPool.Limits(3, 20, Duration.ofMillis(1)),
        clock);
  }

  @Override
  protected Range range() {
    return new Range(5, 14);
  }
}
