package io.cryptoetl.backfill.files;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.auth.StsAssumeRoleCredentialsProvider;

/**
 * How a bucket is reached that is not in the account, region or server of the others. Credentials
 * are never part of it: a profile names them, or a role is taken on.
 *
 * @param endpoint another server that speaks S3
 * @param region of the bucket
 * @param pathStyle whether buckets are no host names
 * @param profile of the SDK's shared files, whose credentials are used
 * @param role ARN of a role that is taken on, with these credentials or the SDK's own
 * @param requesterPays whether whoever reads pays for it, as <a
 *     href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html">some
 *     buckets</a> want
 */
public record S3Access(
    Optional<String> endpoint,
    Optional<String> region,
    Optional<Boolean> pathStyle,
    Optional<String> profile,
    Optional<String> role,
    boolean requesterPays) {
  private static final Pattern QUEUE_HOST =
      Pattern.compile("sqs(?:-fips)?\\.([a-z0-9-]+)\\.amazonaws\\.com.*");

  private static final Duration LONGER_THAN_POLLS = Duration.ofSeconds(40);

  /** Whether it needs a client of its own. */
  public boolean isOwn() {
    return endpoint.isPresent()
        || region.isPresent()
        || pathStyle.isPresent()
        || profile.isPresent()
        || role.isPresent();
  }

  /**
   * A client of its own.
   *
   * @param instance names the session of a role
   * @param regionOfOthers if it has none
   */
  public S3Client client(String instance, String regionOfOthers) {
    Region own = Region.of(region.orElse(regionOfOthers));
    return S3Client.builder()
        .region(own)
        .endpointOverride(endpoint.map(URI::create).orElse(null))
        .forcePathStyle(pathStyle.orElse(false))
        .credentialsProvider(credentials(instance, own))
        .httpClientBuilder(UrlConnectionHttpClient.builder())
        .build();
  }

  /**
   * A client for queues of the same account.
   *
   * @param queue URL of one, which tells server and region
   */
  public SqsClient queues(String queue, String instance, String regionOfOthers) {
    URI url = URI.create(queue);
    Matcher told = QUEUE_HOST.matcher(url.getHost());
    Region own = Region.of(told.matches() ? told.group(1) : region.orElse(regionOfOthers));
    return SqsClient.builder()
        .region(own)
        .endpointOverride(url.resolve("/"))
        .credentialsProvider(credentials(instance, own))
        .httpClientBuilder(UrlConnectionHttpClient.builder().socketTimeout(LONGER_THAN_POLLS))
        .build();
  }

  private AwsCredentialsProvider credentials(String instance, Region own) {
    AwsCredentialsProvider given =
        profile.isPresent()
            ? ProfileCredentialsProvider.create(profile.get())
            : DefaultCredentialsProvider.builder().build();
    if (role.isEmpty()) {
      return given;
    }
    // Names of sessions have letters, digits and a few signs.
    String session = "backfill-" + instance.replaceAll("[^\\w+=,.@-]", "-");
    return StsAssumeRoleCredentialsProvider.builder()
        .stsClient(
            StsClient.builder()
                .region(own)
                .credentialsProvider(given)
                .httpClientBuilder(UrlConnectionHttpClient.builder())
                .build())
        .refreshRequest(
            r ->
                r.roleArn(role.get())
                    .roleSessionName(session.substring(0, Math.min(64, session.length()))))
        .build();
  }
}
