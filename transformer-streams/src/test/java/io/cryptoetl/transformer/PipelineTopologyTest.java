package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PipelineTopologyTest {
  @TempDir Path state;
  private TopologyHarness topology;

  @BeforeEach
  void open() {
    topology = new TopologyHarness(state);
  }

  @AfterEach
  void close() {
    topology.close();
  }

  @Test
  void shouldBeTheGoldenTopology() throws IOException {
    String golden = Files.readString(Path.of("src/test/resources/expected-topology.txt"));

    assertThat(
            PipelineTopology.build(
                    TopologyHarness.formats(), PriceRules.defaults(), Layouts.defaults())
                .describe()
                .toString()
                .strip())
        .as("a renamed store or node loses its state; if the change is meant, update the file")
        .isEqualTo(golden.strip());
  }

  @Test
  void shouldMakeRowsOfABlock() {
    topology.pipe(Blocks.block(5, 1, 2, 3, 100));

    GenericRecord block = topology.rows(Topics.CHAIN_BLOCKS).getFirst();
    assertThat(block.get("transaction_count")).isEqualTo(2);
    assertThat(block.get("log_count")).isEqualTo(2);
    assertThat(block.get("token_transfer_count")).isEqualTo(2);
    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS)).hasSize(2);
    assertThat(topology.rows(Topics.CHAIN_LOGS)).hasSize(2);
    GenericRecord transfer = topology.rows(Topics.CHAIN_TOKEN_TRANSFERS).get(1);
    assertThat(transfer.get("standard")).hasToString("erc20");
    assertThat(new BigInteger(((ByteBuffer) transfer.get("amount")).array())).isEqualTo(1001);
  }

  @Test
  void shouldTakeAwayTheRowsThatAReplacedBlockHadMore() {
    topology.pipe(Blocks.block(5, 1, 3, 3, 100));

    topology.pipe(Blocks.block(5, 2, 1, 3, 101));

    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS)).hasSize(1);
    assertThat(topology.rows(Topics.CHAIN_LOGS)).hasSize(1);
    assertThat(topology.rows(Topics.CHAIN_TOKEN_TRANSFERS)).hasSize(1);
  }

  @Test
  void shouldNotLetAnOlderOrLessCheckedCopyReplaceANewerOne() {
    topology.pipe(Blocks.block(5, 1, 2, 3, 100));
    String before = topology.everything();

    topology.pipe(Blocks.block(5, 2, 4, 3, 99));
    topology.pipe(Blocks.block(5, 3, 4, 2, 200));

    assertThat(topology.everything()).isEqualTo(before);
  }

  @Test
  void shouldKeepWhatCannotBeProcessedWithItsPlaceAndBytes() {
    byte[] junk = "not Avro".getBytes(StandardCharsets.UTF_8);
    topology.pipe(Topics.RAW_EVM_BLOCKS, new byte[] {1}, junk);
    RawBlock broken = Blocks.block(6, 1, 0, 1, 1);
    broken.setBlockJson(TopologyHarness.bytes("{\"number\":\"0x6\""));
    topology.pipe(broken);
    RawBlock invalid = Blocks.block(7, 1, 0, 1, 1);
    invalid.setBlockJson(
        TopologyHarness.bytes(
            Blocks.header(7, Blocks.word(7001), "[]")
                .replace("\"parentHash\":\"" + Blocks.word(0), "\"parentHash\":\"lots")));
    topology.pipe(invalid);
    RawBlock mixed = Blocks.block(8, 1, 1, 1, 1);
    mixed.setReceiptsJson(TopologyHarness.bytes("[]"));
    topology.pipe(mixed);

    RawBlock inNanoseconds = Blocks.block(9, 1, 0, 1, 1);
    inNanoseconds.setBlockJson(
        TopologyHarness.bytes(
            Blocks.header(9, Blocks.word(9001), "[]")
                .replace("\"timestamp\":\"0x3f1\"", "\"timestamp\":\"0x17979cfe362a0000\"")));
    topology.pipe(inNanoseconds);

    assertThat(topology.rows(Topics.OPS_DEAD_LETTERS))
        .extracting(r -> r.get("code").toString())
        .containsExactly(
            "record_unreadable",
            "json_invalid",
            "field_invalid",
            "receipts_missing",
            "field_invalid");
    GenericRecord first = topology.rows(Topics.OPS_DEAD_LETTERS).getFirst();
    assertThat(((ByteBuffer) first.get("payload")).array()).isEqualTo(junk);
    assertThat(first.get("topic")).hasToString("raw.evm.blocks");
    assertThat(first.get("offset")).isEqualTo(0L);
    assertThat(topology.rows(Topics.OPS_DEAD_LETTERS).get(2).get("reason").toString())
        .contains("parentHash of block 7 is \"lots\"");
    assertThat(topology.rows(Topics.CHAIN_BLOCKS)).isEmpty();
  }

  @Test
  void shouldLeaveReceiptColumnsEmptyWhereReceiptsWereNotFetched() {
    RawBlock raw = Blocks.block(5, 1, 2, 3, 100);
    raw.setReceiptsJson(null);

    topology.pipe(raw);

    assertThat(topology.rows(Topics.CHAIN_BLOCKS).getFirst().get("log_count")).isNull();
    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS))
        .allSatisfy(t -> assertThat(t.get("gas_used")).isNull());
    assertThat(topology.rows(Topics.CHAIN_LOGS)).isEmpty();
  }
}
