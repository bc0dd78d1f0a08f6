package io.cryptoetl.extractor.endpoint;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Collects a body that may be no longer than so many bytes. */
final class BoundedBody implements HttpResponse.BodySubscriber<byte[]> {
  private final CompletableFuture<byte[]> body = new CompletableFuture<>();
  private final int max;

  /** The whole body where its length is announced; null where it is not. */
  private final byte[] bytes;

  private final List<byte[]> parts = new ArrayList<>();
  private int size;
  private Flow.Subscription subscription;

  /** The body is too long. */
  static final class TooLongException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  private BoundedBody(int max, long announced) {
    this.max = max;
    this.bytes = announced < 0 ? null : new byte[(int) Math.min(max, announced)];
  }

  /** A handler of bodies of at most so many bytes. */
  static HttpResponse.BodyHandler<byte[]> handler(int max) {
    return info ->
        new BoundedBody(max, info.headers().firstValueAsLong("Content-Length").orElse(-1));
  }

  @Override
  public CompletionStage<byte[]> getBody() {
    return body;
  }

  @Override
  public void onSubscribe(Flow.Subscription given) {
    subscription = given;
    given.request(Long.MAX_VALUE);
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    for (ByteBuffer buffer : buffers) {
      int more = buffer.remaining();
      if (more > max - size) {
        subscription.cancel();
        body.completeExceptionally(new TooLongException());
        return;
      }
      if (bytes != null) {
        buffer.get(bytes, size, more);
      } else {
        byte[] part = new byte[more];
        buffer.get(part);
        parts.add(part);
      }
      size += more;
    }
  }

  @Override
  public void onError(Throwable failure) {
    body.completeExceptionally(failure);
  }

  @Override
  public void onComplete() {
    if (bytes != null) {
      body.complete(size == bytes.length ? bytes : Arrays.copyOf(bytes, size));
      return;
    }
    byte[] whole = new byte[size];
    int end = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, whole, end, part.length);
      end += part.length;
    }
    body.complete(whole);
  }
}
