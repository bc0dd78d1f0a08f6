package io.cryptoetl.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Certificates of this machine, made by the JDK's keytool. */
final class Certificates {
  static final String PASSWORD = "store-secret";

  private final Path folder;

  Certificates(Path folder) {
    this.folder = folder;
  }

  /**
   * Makes a key with a certificate for 127.0.0.1 that it signs itself.
   *
   * @param validity options of keytool
   * @return the PKCS12 store that holds both
   */
  Path selfSigned(String name, String... validity) throws IOException, InterruptedException {
    Path store = folder.resolve(name + ".p12");
    List<String> command =
        new ArrayList<>(
            List.of(
                "-genkeypair",
                "-alias",
                name,
                "-dname",
                "CN=" + name,
                "-keyalg",
                "EC",
                "-ext",
                "SAN=IP:127.0.0.1",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                PASSWORD));
    command.addAll(List.of(validity));
    keytool(command);
    return store;
  }

  /**
   * Makes a key whose certificate another one has signed.
   *
   * @param authority store of the key that signs
   * @param validity options of keytool
   * @return the PKCS12 store that holds it
   */
  Path signed(String name, Path authority, String... validity)
      throws IOException, InterruptedException, GeneralSecurityException {
    Path store = selfSigned(name);
    Path request = folder.resolve(name + ".csr");
    Path certificate = folder.resolve(name + ".chain.pem");
    List<String> of =
        List.of("-keystore", store.toString(), "-storepass", PASSWORD, "-alias", name);
    keytool(concat(List.of("-certreq", "-file", request.toString()), of));
    String signer = load(authority).aliases().nextElement();
    keytool(
        concat(
            List.of(
                "-gencert",
                "-rfc",
                "-infile",
                request.toString(),
                "-outfile",
                certificate.toString(),
                "-ext",
                "SAN=IP:127.0.0.1",
                "-keystore",
                authority.toString(),
                "-storepass",
                PASSWORD,
                "-alias",
                signer),
            List.of(validity)));
    Files.writeString(
        certificate, Files.readString(certificate) + Files.readString(trusted(authority)));
    keytool(concat(List.of("-importcert", "-noprompt", "-file", certificate.toString()), of));
    return store;
  }

  private static List<String> concat(List<String> some, List<String> more) {
    List<String> all = new ArrayList<>(some);
    all.addAll(more);
    return all;
  }

  /** The certificate of a store as PEM, which others trust. */
  Path trusted(Path store) throws IOException, GeneralSecurityException {
    KeyStore keys = load(store);
    String alias = keys.aliases().nextElement();
    return Files.writeString(
        sibling(store, ".crt.pem"), pem("CERTIFICATE", keys.getCertificate(alias).getEncoded()));
  }

  /** Key and certificate of a store as PEM. */
  Path pem(Path store) throws IOException, GeneralSecurityException {
    KeyStore keys = load(store);
    String alias = keys.aliases().nextElement();
    Key key = keys.getKey(alias, PASSWORD.toCharArray());
    return Files.writeString(
        sibling(store, ".pem"),
        pem("PRIVATE KEY", key.getEncoded())
            + pem("CERTIFICATE", keys.getCertificate(alias).getEncoded()));
  }

  private static Path sibling(Path store, String ending) {
    return store.resolveSibling(store.getFileName().toString().replace(".p12", ending));
  }

  private static String pem(String what, byte[] content) {
    return "-----BEGIN %s-----%n%s%n-----END %s-----%n"
        .formatted(what, Base64.getMimeEncoder().encodeToString(content), what);
  }

  static KeyStore load(Path store) throws IOException, GeneralSecurityException {
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD.toCharArray());
    }
    return keys;
  }

  private static void keytool(List<String> options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(options);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    if (process.waitFor() != 0) {
      throw new IOException("keytool failed: " + output);
    }
  }
}
