#include "golden.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <regex>
#include <stdexcept>

template <>
std::string typeName<uint8_t>()
{
  return "uint8";
}
template <>
std::string typeName<int8_t>()
{
  return "int8";
}
template <>
std::string typeName<uint16_t>()
{
  return "uint16";
}
template <>
std::string typeName<int16_t>()
{
  return "int16";
}
template <>
std::string typeName<uint32_t>()
{
  return "uint32";
}
template <>
std::string typeName<int32_t>()
{
  return "int32";
}
template <>
std::string typeName<float>()
{
  return "float32";
}
template <>
std::string typeName<double>()
{
  return "float64";
}

namespace
{
template <class T>
std::string formatShortest(T value)
{
  if (std::isnan(value))
  {
    return R"("NaN")";
  }
  if (std::isinf(value))
  {
    return value > 0 ? R"("Infinity")" : R"("-Infinity")";
  }
  if (value == 0)
  {
    return "0"; // -0 and 0 are equal.
  }
  char       buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

std::vector<double> generate(uint32_t seed, size_t count)
{
  std::vector<double> values;
  for (size_t at = 0; at < count; ++at)
  {
    seed = seed * 1664525u + 1013904223u;
    values.push_back(static_cast<double>(seed >> 8) / 16777216.0);
  }
  return values;
}

const std::vector<double> UNIT_2{ 1, 0, 0, 1 };
const std::vector<double> UNIT_3{ 1, 0, 0, 0, 1, 0, 0, 0, 1 };

// Turned by the angle of a triangle of sides 3, 4 and 5, so that the matrix is orthonormal in decimals.
const std::vector<double> TURNED{ 0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1 };

const std::vector<Grid> GRIDS{
  { "3d", { 6, 7, 5 }, { 0.7, 1.3, 2.1 }, { 0, 0, 0 }, UNIT_3 },
  { "2d", { 9, 8 }, { 0.7, 1.3 }, { 0, 0 }, UNIT_2 },
  { "voxel", { 1, 1, 1 }, { 0.7, 1.3, 2.1 }, { 0, 0, 0 }, UNIT_3 },
  { "dot", { 1, 1 }, { 0.7, 1.3 }, { 0, 0 }, UNIT_2 },
  { "row", { 11, 1, 1 }, { 0.7, 1.3, 2.1 }, { 0, 0, 0 }, UNIT_3 },
  { "column", { 1, 9 }, { 0.7, 1.3 }, { 0, 0 }, UNIT_2 },
  { "turned", { 6, 7, 5 }, { 0.7, 1.3, 2.1 }, { 10, -20, 30 }, TURNED },
  { "fine", { 9, 10, 7 }, { 0.5, 1, 1.25 }, { -0.3, 0.4, 0.9 }, UNIT_3 },
  { "turned-fine", { 8, 9, 6 }, { 0.5, 1, 1.25 }, { 9.8, -19.5, 31 }, TURNED },
  { "crossing", { 7, 6, 5 }, { 1, 1, 2 }, { 8, -19, 30 }, UNIT_3 },
  { "far", { 3, 3, 2 }, { 1, 1, 1 }, { 100, 100, 100 }, UNIT_3 },
  { "head", { 15, 13, 9 }, { 0.5, 1, 2 }, { 0, 0, 0 }, UNIT_3 },
  { "slice", { 27, 25 }, { 0.5, 2 }, { -3, 7 }, UNIT_2 },
  { "fine-2d", { 14, 13 }, { 0.5, 1 }, { -0.6, 0.3 }, UNIT_2 },
};

// Tissues of three kinds with some noise, brighter towards the far corner: what a scanner makes of them.
double shade(const Grid & grid, size_t at, double a, double b)
{
  const size_t x = at % grid.size[0];
  const size_t y = at / grid.size[0] % grid.size[1];
  const double tissue = 64 * (1 + static_cast<double>((x / 5 + y / 4) % 3)) + 8 * std::floor(2 * b) + 4 * a;
  const double along = static_cast<double>(x) / static_cast<double>(grid.size[0]);
  const double across = static_cast<double>(y) / static_cast<double>(grid.size[1]);
  return static_cast<double>(static_cast<float>(tissue * (1 + 0.5 * along + 0.25 * along * across)));
}

bool isBlock(const Grid & grid, size_t at)
{
  const size_t nx = grid.size[0];
  const size_t ny = grid.size[1];
  return at % nx % 4 < 2 && at / nx % ny % 3 < 2 && at / (nx * ny) % 3 < 1;
}

std::map<std::string, std::vector<std::string>> & cases()
{
  static std::map<std::string, std::vector<std::string>> all;
  return all;
}

void add(const std::string & primitive, const std::vector<Argument> & arguments, const std::string & fields)
{
  std::string json = R"({"args":[)";
  for (size_t at = 0; at < arguments.size(); ++at)
  {
    json += (at > 0 ? "," : "") + arguments[at].json;
  }
  cases()[primitive].push_back(json + "]," + fields + "}");
}

std::string escape(const std::string & value)
{
  std::string escaped;
  for (const char letter : value)
  {
    if (letter == '"' || letter == '\\')
    {
      escaped += '\\';
    }
    escaped += letter == '\n' ? ' ' : letter;
  }
  return escaped;
}

// Operators are written by words in names of files.
std::string fileOf(const std::string & primitive)
{
  static const std::map<std::string, std::string> words{
    { "vox1.==", "vox1.equal" },         { "vox1.!=", "vox1.unequal" },
    { "vox1.<", "vox1.less" },           { "vox1.<=", "vox1.less-or-equal" },
    { "vox1.>", "vox1.greater" },        { "vox1.>=", "vox1.greater-or-equal" },
  };
  const auto word = words.find(primitive);
  return (word == words.end() ? primitive : word->second) + ".json";
}
} // namespace

std::string format(double value)
{
  return formatShortest(value);
}

std::string format(float value)
{
  return formatShortest(value);
}

const Grid & findGrid(const std::string & name)
{
  for (const Grid & grid : GRIDS)
  {
    if (grid.name == name)
    {
      return grid;
    }
  }
  throw std::runtime_error("there is no grid " + name);
}

std::vector<double> makeValues(const std::string & name, const Grid & grid, Range range, unsigned components)
{
  size_t count = components;
  for (const size_t along : grid.size)
  {
    count *= along;
  }
  const auto          a = generate(12345, count);
  const auto          b = generate(777, count);
  std::vector<double> values;
  const double        isSparse = static_cast<double>(grid.size.size() == 3 ? 0.9f : 0.75f);
  for (size_t at = 0; at < count; ++at)
  {
    double value;
    if (name == "A")
      value = a[at];
    else if (name == "B")
      value = b[at];
    else if (name == "Q")
      value = std::floor(8 * a[at]);
    else if (name == "P")
      value = std::floor(4 * b[at]); // Has zeros.
    else if (name == "S")
      value = std::floor(8 * a[at]) - 4; // Has zeros, and both signs.
    else if (name == "half")
      value = a[at] > 0.5;
    else if (name == "seed")
      value = a[at] > static_cast<double>(0.7f);
    else if (name == "sparse")
      value = b[at] > isSparse;
    else if (name == "dense")
      value = b[at] > static_cast<double>(0.04f);
    else if (name == "blocks")
      value = isBlock(grid, at);
    else if (name == "all")
      value = 1;
    else if (name == "none")
      value = 0;
    else if (name == "255")
      value = a[at] > 0.5 ? 255 : 0;
    else if (name == "labels")
      value = b[at] < 0.4 ? 0 : std::floor(6 * a[at]) * 3; // Has gaps.
    else if (name == "W" || name == "V")
    {
      // All of a type of whole numbers; else numbers of both signs.
      const double drawn = name == "W" ? a[at] : b[at];
      value = range.isWhole ? range.least + std::floor(drawn * (range.most - range.least + 1))
                            : static_cast<double>(static_cast<float>((drawn - 0.5) * 600));
    }
    else if (name == "wild")
    {
      // What is no number, or has no end, among numbers.
      value = at % 13 == 3 ? NAN : at % 17 == 5 ? INFINITY : at % 19 == 7 ? -INFINITY : at % 11 == 4 ? 0 : a[at];
    }
    else if (name == "shaded")
      value = shade(grid, at, a[at], b[at]);
    else if (name == "infinite")
      value = at % 17 == 5 ? INFINITY : at % 19 == 7 ? -INFINITY : a[at];
    else
      throw std::runtime_error("there is no input " + name);
    values.push_back(value);
  }
  return values;
}

Argument text(const std::string & value)
{
  return Argument('"' + escape(value) + '"');
}

std::string describeGrid(const std::vector<size_t> & size,
                         const std::vector<double> & spacing,
                         const std::vector<double> & origin,
                         const std::vector<double> & direction)
{
  std::string sizes;
  for (const size_t along : size)
  {
    sizes += (sizes.empty() ? "" : ",") + std::to_string(along);
  }
  std::string json = R"("size":[)" + sizes + R"(],"spacing":)" + Argument(spacing).json;
  for (const double along : origin)
  {
    if (along != 0)
    {
      json += R"(,"origin":)" + Argument(origin).json;
      break;
    }
  }
  if (direction != (size.size() == 3 ? UNIT_3 : UNIT_2))
  {
    json += R"(,"direction":)" + Argument(direction).json;
  }
  return json;
}

std::string describeValues(const std::vector<std::string> & values)
{
  std::string json = R"("values":[)";
  for (size_t at = 0; at < values.size(); ++at)
  {
    json += (at > 0 ? "," : "") + values[at];
  }
  return json + "]";
}

Outcome outcomeOf(double number)
{
  return { R"("result":)" + format(number) };
}

Outcome outcomeOf(const std::vector<double> & numbers)
{
  return { R"("result":)" + Argument(numbers).json };
}

Outcome outcomeOf(const std::vector<std::vector<double>> & rows)
{
  return { R"("result":)" + Argument(rows).json };
}

void record(const std::string & primitive, const std::vector<Argument> & arguments, const Outcome & outcome)
{
  add(primitive, arguments, outcome.fields);
}

// Where an object lies in memory is left out.
void recordRefusal(const std::string & primitive, const std::vector<Argument> & arguments, const std::string & why)
{
  static const std::regex address(R"(\(0x[0-9a-f]+\))");
  add(primitive, arguments, R"("refused":")" + escape(std::regex_replace(why, address, "")) + "\"");
}

void writeGoldens(const std::string & folder)
{
  size_t count = 0;
  for (const auto & [primitive, list] : cases())
  {
    std::ofstream file(folder + "/" + fileOf(primitive));
    file << R"({"primitive":")" << primitive << R"(","cases":[)" << "\n";
    for (size_t at = 0; at < list.size(); ++at)
    {
      file << list[at] << (at + 1 < list.size() ? ",\n" : "\n");
    }
    file << "]}\n";
    file.close();
    if (!file)
    {
      throw std::runtime_error("could not write to " + folder);
    }
    count += list.size();
  }
  std::cout << count << " cases of " << cases().size() << " primitives" << std::endl;
}
