package io.cryptoetl.backfill.files;

import io.cryptoetl.datasets.files.BlockStream;
import io.cryptoetl.datasets.files.FileSource;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/**
 * A folder with all that is in it. Links are followed only where they lead to a file of the folder.
 * Size, times of content and of inode, and the inode tell versions apart: no program can write a
 * file without changing one of them.
 */
public final class FolderStore implements FileStore {
  private static final Logger LOG = Logger.getLogger(FolderStore.class);

  private final Path given;
  private final Path root;

  /** A store of a folder that exists. */
  public FolderStore(Path folder) throws IOException {
    this.given = folder.toAbsolutePath().normalize();
    this.root = folder.toRealPath();
  }

  @Override
  public void list(Consumer<StoredFile> each) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            stored(file).ifPresent(each);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
            if (file.equals(root)) {
              throw e;
            }
            // It is gone, or not for this user: the others are.
            LOG.debugf("event=file_skipped file=\"%s\" reason=\"%s\"", file, e);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  @Override
  public Optional<StoredFile> find(String name) throws IOException {
    reach();
    try {
      Path file = Path.of(name).normalize();
      return stored(file.startsWith(given) ? root.resolve(given.relativize(file)) : file);
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  @Override
  public void reach() throws IOException {
    if (!Files.isDirectory(root) || !Files.isReadable(root)) {
      throw new IOException("the folder " + root + " cannot be read");
    }
  }

  private Optional<StoredFile> stored(Path file) throws IOException {
    try {
      Path real = file.toRealPath();
      if (!real.startsWith(root) || !file.startsWith(root) || !Files.isRegularFile(real)) {
        return Optional.empty();
      }
      BasicFileAttributes basic = Files.readAttributes(real, BasicFileAttributes.class);
      return Optional.of(
          new StoredFile(
              file.toString(),
              root.relativize(file).toString().replace(java.io.File.separatorChar, '/'),
              version(real, basic),
              basic.size(),
              basic.lastModifiedTime().toInstant(),
              false));
    } catch (FileSystemException e) {
      // Gone, not for this user, or a link in a circle.
      return Optional.empty();
    }
  }

  private static String version(Path file, BasicFileAttributes basic) throws IOException {
    String inode = "";
    if (file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
      Map<String, Object> unix = Files.readAttributes(file, "unix:ctime,ino");
      inode = "-%x-%s".formatted(nanos((FileTime) unix.get("ctime")), unix.get("ino"));
    }
    return "%d-%x%s".formatted(basic.size(), nanos(basic.lastModifiedTime()), inode);
  }

  private static long nanos(FileTime time) {
    return time.to(TimeUnit.NANOSECONDS);
  }

  @Override
  public InputStream open(StoredFile file) throws IOException {
    return new UnchangedStream(reading(file, Files::newInputStream), file);
  }

  @Override
  public byte[] range(StoredFile file, long offset, int length) throws IOException {
    byte[] bytes = reading(file, path -> FileSource.range(path, offset, length));
    if (!isCurrent(file)) {
      throw FileStore.changed(file.name());
    }
    return bytes;
  }

  @FunctionalInterface
  private interface Reading<T> {
    T of(Path path) throws IOException;
  }

  private <T> T reading(StoredFile file, Reading<T> step) throws IOException {
    Path path = Path.of(file.name());
    try {
      return step.of(path);
    } catch (NoSuchFileException e) {
      // Of a folder that is not mounted nothing is there.
      reach();
      RefusedException changed = FileStore.changed(file.name());
      changed.initCause(e);
      throw changed;
    } catch (AccessDeniedException e) {
      RefusedException denied =
          new RefusedException(
              "file_unreadable", "%s must not be read by this service's user".formatted(path));
      denied.initCause(e);
      throw denied;
    }
  }

  /** Gives bytes only after it has seen that the file is still the version they are of. */
  private final class UnchangedStream extends BlockStream {
    private final StoredFile file;

    UnchangedStream(InputStream in, StoredFile file) {
      super(in);
      this.file = file;
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      int read = in.read(to, from, length);
      if (!isCurrent(file)) {
        throw FileStore.changed(file.name());
      }
      return read;
    }

    @Override
    public long skip(long bytes) throws IOException {
      return in.skip(bytes);
    }
  }
}
