// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/workload/text_source.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

#include <zlib.h>

#include "harness/workload/input_error.h"

namespace tlblab {
namespace {

// Says what the operating system said, without throwing it further as its own exception.
std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

// Where bytes come from. read() returns 0 only at the end; a problem is thrown as Failure.
class TextSource::Bytes {
 public:
  struct Failure {
    std::string wrong;
  };
  virtual ~Bytes() = default;
  [[nodiscard]] virtual std::size_t read(char* into, std::size_t size) = 0;
};

class TextSource::FileBytes final : public Bytes {
 public:
  explicit FileBytes(std::FILE* file) : file_(file) {}
  std::size_t read(char* into, std::size_t size) override {
    const std::size_t got = std::fread(into, 1, size, file_.get());
    if (got == 0 && std::ferror(file_.get()) != 0)
      throw Failure{"cannot be read: " + reason(errno)};
    return got;
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
};

class TextSource::MemoryBytes final : public Bytes {
 public:
  explicit MemoryBytes(std::string_view bytes) : rest_(bytes) {}
  std::size_t read(char* into, std::size_t size) override {
    const std::size_t got = std::min(size, rest_.size());
    std::copy_n(rest_.data(), got, into);
    rest_.remove_prefix(got);
    return got;
  }

 private:
  std::string_view rest_;
};

// Passes plain bytes through and inflates gzip, several members one after the other included.
class TextSource::Gunzip final : public Bytes {
 public:
  explicit Gunzip(std::unique_ptr<Bytes> from) : from_(std::move(from)), input_(1 << 16) {
    fill();
    if (starts_member()) inflating_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK;
  }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;
  ~Gunzip() override {
    if (inflating_) inflateEnd(&stream_);
  }

  std::size_t read(char* into, std::size_t size) override {
    return inflating_ ? inflate_some(into, size) : copy_some(into, size);
  }

 private:
  [[nodiscard]] bool starts_member() const {
    return stream_.avail_in >= 2 && stream_.next_in[0] == 0x1f && stream_.next_in[1] == 0x8b;
  }

  // Adds to what is left, so that the two magic bytes of a member are seen together.
  void fill() {
    const std::size_t left = stream_.avail_in;
    if (left != 0) std::memmove(input_.data(), stream_.next_in, left);
    const std::size_t got = from_->read(input_.data() + left, input_.size() - left);
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(left + got);
    if (left + got == 1 && got == 1) fill();
  }

  std::size_t copy_some(char* into, std::size_t size) {
    if (stream_.avail_in == 0) return from_->read(into, size);
    const std::size_t got = std::min<std::size_t>(size, stream_.avail_in);
    std::memcpy(into, stream_.next_in, got);
    stream_.next_in += got;
    stream_.avail_in -= static_cast<uInt>(got);
    return got;
  }

  std::size_t inflate_some(char* into, std::size_t size) {
    stream_.next_out = reinterpret_cast<Bytef*>(into);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size && !(ended_ && at_end())) {
      if (stream_.avail_in == 0) fill();
      if (stream_.avail_in == 0) throw Failure{"the gzip data end too early"};
      step();
    }
    return size - stream_.avail_out;
  }

  void step() {
    const int result = inflate(&stream_, Z_NO_FLUSH);
    ended_ = result == Z_STREAM_END;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      throw Failure{"the gzip data are damaged"};
  }

  // After a member: the end of the input, or another member to begin.
  bool at_end() {
    if (stream_.avail_in < 2) fill();
    if (stream_.avail_in == 0) return true;
    if (!starts_member()) throw Failure{"something that is not gzip follows the gzip data"};
    inflateReset(&stream_);
    ended_ = false;
    return false;
  }

  std::unique_ptr<Bytes> from_;
  std::vector<char> input_;
  z_stream stream_{};
  bool inflating_ = false;
  bool ended_ = false;
};

TextSource::TextSource(std::string name, std::unique_ptr<Bytes> bytes, std::string_view expected)
    : name_(std::move(name)),
      expected_(expected),
      bytes_(std::move(bytes)),
      buffer_(max_line * 4) {}
TextSource::TextSource(TextSource&&) noexcept = default;
TextSource& TextSource::operator=(TextSource&&) noexcept = default;
TextSource::~TextSource() = default;

TextSource TextSource::from_file(const std::string& path, std::string_view expected) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw InputError(path, 0, "cannot be opened: " + reason(errno), expected);
  auto bytes = std::make_unique<FileBytes>(file);
  try {
    return {path, std::make_unique<Gunzip>(std::move(bytes)), expected};
  } catch (const Bytes::Failure& failure) {
    throw InputError(path, 0, failure.wrong, expected);
  }
}

TextSource TextSource::from_memory(std::string_view bytes,
                                   std::string name,
                                   std::string_view expected) {
  return {std::move(name), std::make_unique<Gunzip>(std::make_unique<MemoryBytes>(bytes)),
          expected};
}

bool TextSource::next_line(std::string_view& line) {
  std::size_t searched = 0;
  for (;;) {
    const char* from = buffer_.data() + begin_;
    const void* newline = std::memchr(from + searched, '\n', end_ - begin_ - searched);
    if (newline != nullptr)
      return take(static_cast<std::size_t>(static_cast<const char*>(newline) - from), 1, line);
    searched = end_ - begin_;
    if (searched > max_line)
      throw InputError(name_, line_number_ + 1, "the line has no end", "lines of less than 64 KiB");
    if (!refill()) return searched != 0 && take(searched, 0, line);
  }
}

bool TextSource::take(std::size_t length, std::size_t skip, std::string_view& line) {
  line = {buffer_.data() + begin_, length};
  begin_ += length + skip;
  ++line_number_;
  return true;
}

// Moves what is left to the front and reads behind it. False at the end of the text.
bool TextSource::refill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  try {
    const std::size_t got = bytes_->read(buffer_.data() + end_, buffer_.size() - end_);
    end_ += got;
    return got != 0;
  } catch (const Bytes::Failure& failure) {
    throw InputError(name_, line_number_ + 1, failure.wrong, expected_);
  }
}

}  // namespace tlblab
