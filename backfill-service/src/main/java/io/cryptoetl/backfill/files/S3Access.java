package io.cryptoetl.backfill.files;

import java.net.URI;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
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
