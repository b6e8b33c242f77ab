// SPDX-License-Identifier: GPL-2.0-or-later
// The lines of a text, plain or gzip, from a file or from memory, in one pass with a buffer of
// fixed size. Whether it is gzip is told by the first two bytes, never by the name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tlblab {

class TextSource {
 public:
  static constexpr std::size_t max_line = std::size_t{1} << 16;

  // What the file is to be, for the message if it cannot be read.
  static constexpr std::string_view a_recording =
      "the text of 'perf script', plain or gzip, as 'tlblab record' writes it";
  static constexpr std::string_view a_script =
      "a script: one operation a line, as 'tlblab script --help' shows";
  static constexpr std::string_view a_scenario =
      "a scenario: one operation a line, as 'tlblab explore --help' shows";

  // Throws InputError if the file cannot be opened. REQUIRES: `expected` lives for ever.
  [[nodiscard]] static TextSource from_file(const std::string& path,
                                            std::string_view expected = a_recording);
  // REQUIRES: `bytes` outlives the source.
  [[nodiscard]] static TextSource from_memory(std::string_view bytes,
                                              std::string name,
                                              std::string_view expected = a_recording);

  TextSource(TextSource&&) noexcept;
  TextSource& operator=(TextSource&&) noexcept;
  ~TextSource();

  // The next line without its line break; valid until the next call. False at the end.
  // Throws InputError for damaged gzip data, a read error, or a line longer than max_line.
  [[nodiscard]] bool next_line(std::string_view& line);

  // Number of the line returned last, from 1.
  [[nodiscard]] std::uint64_t line_number() const noexcept { return line_number_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  class Bytes;
  class FileBytes;
  class MemoryBytes;
  class Gunzip;

  TextSource(std::string name, std::unique_ptr<Bytes> bytes, std::string_view expected);
  [[nodiscard]] bool refill();
  [[nodiscard]] bool take(std::size_t length, std::size_t skip, std::string_view& line);

  std::string name_;
  std::string_view expected_;
  std::unique_ptr<Bytes> bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what of the buffer is not handed out yet
  std::uint64_t line_number_ = 0;
};

}  // namespace tlblab
