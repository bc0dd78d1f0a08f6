package io.cryptoetl.extractor.endpoint;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** Collects a body that may be no longer than so many bytes. */
final class BoundedBody implements HttpResponse.BodySubscriber<byte[]> {
  private static final int FIRST_ROOM = 64 * 1024;

  /** Room that is made because a server announces it: more is made when it is filled. */
  private static final int MAX_FIRST_ROOM = 16 * 1024 * 1024;

  private final CompletableFuture<byte[]> body = new CompletableFuture<>();
  private final int max;
  private byte[] bytes;
  private int size;
  private Flow.Subscription subscription;

  /** The body is too long. */
  static final class TooLongException extends IOException {
    private static final long serialVersionUID = 1L;
  }

  private BoundedBody(int max, long announced) {
    this.max = max;
    long room = announced < 0 ? FIRST_ROOM : Math.min(announced, MAX_FIRST_ROOM);
    this.bytes = new byte[(int) Math.min(max, room)];
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
      if (more > bytes.length - size) {
        bytes =
            Arrays.copyOf(
                bytes, (int) Math.min(max, Math.max(2L * bytes.length, size + (long) more)));
      }
      buffer.get(bytes, size, more);
      size += more;
    }
  }

  @Override
  public void onError(Throwable failure) {
    body.completeExceptionally(failure);
  }

  @Override
  public void onComplete() {
    body.complete(size == bytes.length ? bytes : Arrays.copyOf(bytes, size));
  }
}
