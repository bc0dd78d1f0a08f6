package io.cryptoetl.datasets;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * A row of a file as it is split.
 *
 * @param line in which it begins, from 1
 * @param bytes of it, with its line end
 * @param values its cells in order
 * @param names of the cells if the row has them itself, like a JSON object; null if not
 */
record Cells(long line, ByteBuffer bytes, List<String> values, List<String> names) {}
