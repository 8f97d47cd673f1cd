// The inputs of golden cases, and the record of what ITK makes of them.
//
// A case is a call as a program writes it: a primitive by namespace and name, and its arguments in order. The record holds the
// call and the result, so that whoever compares needs nothing else. Cases are grouped by primitive, a file each.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <itkImage.h>
#include <itkImageRegionConstIterator.h>
#include <itkVectorImage.h>

template <class T, unsigned D>
using Image = itk::Image<T, D>;

template <class T, unsigned D>
using Colors = itk::VectorImage<T, D>;

template <class T>
std::string typeName();

// Numbers as JSON: the fewest digits that read back to the same bits; what JSON lacks is a string.
std::string format(double value);
std::string format(float value);

struct Grid
{
  std::string         name;
  std::vector<size_t> size;
  std::vector<double> spacing;
  std::vector<double> origin;
  std::vector<double> direction;
};

const Grid & findGrid(const std::string & name);

// The values of an input, before they are cast to a type that holds them exactly. `seed` and `range` depend on the type.
struct Range
{
  double least;
  double most;
  bool   isWhole;
};

std::vector<double> makeValues(const std::string & name, const Grid & grid, Range range, unsigned components = 1);

template <class T>
Range rangeOf()
{
  if (!std::is_integral<T>::value)
  {
    return { 0, 0, false };
  }
  return { static_cast<double>(std::numeric_limits<T>::lowest()),
           static_cast<double>(std::numeric_limits<T>::max()),
           true };
}

// An argument of a call, as JSON.
struct Argument
{
  std::string json;

  Argument(std::string text)
    : json(std::move(text))
  {}
  Argument(double value)
    : json(format(value))
  {}
  Argument(int value)
    : json(std::to_string(value))
  {}
  Argument(unsigned value)
    : json(std::to_string(value))
  {}
  Argument(bool value)
    : json(value ? "true" : "false")
  {}
  template <class T>
  Argument(const std::vector<T> & values)
    : json("[")
  {
    for (size_t at = 0; at < values.size(); ++at)
    {
      json += (at > 0 ? "," : "") + Argument(values[at]).json;
    }
    json += "]";
  }
};

Argument text(const std::string & value);

template <class ImageType>
struct Input
{
  typename ImageType::Pointer image;
  std::string                 json;

  operator Argument() const { return Argument(json); }
};

template <class ImageType>
typename ImageType::Pointer makeOn(const Grid & grid)
{
  constexpr unsigned D = ImageType::ImageDimension;
  auto               image = ImageType::New();
  typename ImageType::SizeType      size;
  typename ImageType::SpacingType   spacing;
  typename ImageType::PointType     origin;
  typename ImageType::DirectionType direction;
  for (unsigned axis = 0; axis < D; ++axis)
  {
    size[axis] = grid.size[axis];
    spacing[axis] = grid.spacing[axis];
    origin[axis] = grid.origin[axis];
    for (unsigned other = 0; other < D; ++other)
    {
      direction[axis][other] = grid.direction[axis * D + other];
    }
  }
  image->SetRegions(size);
  image->SetSpacing(spacing);
  image->SetOrigin(origin);
  image->SetDirection(direction);
  return image;
}

template <class T, unsigned D>
typename Image<T, D>::Pointer fill(const Grid & grid, const std::vector<double> & values)
{
  auto image = makeOn<Image<T, D>>(grid);
  image->Allocate();
  for (size_t at = 0; at < values.size(); ++at)
  {
    image->GetBufferPointer()[at] = static_cast<T>(values[at]);
  }
  return image;
}

// An input by its name, on a grid by its name.
template <class T, unsigned D>
Input<Image<T, D>> input(const std::string & name, const std::string & gridName = D == 3 ? "3d" : "2d")
{
  const Grid & grid = findGrid(gridName);
  return { fill<T, D>(grid, makeValues(name, grid, rangeOf<T>())),
           R"({"image":")" + name + R"(","grid":")" + gridName + R"(","type":")" + typeName<T>() + R"("})" };
}

// One with several values a voxel: the next numbers of the generator each.
template <class T, unsigned D>
Input<Colors<T, D>> colors(unsigned components, const std::string & gridName = D == 3 ? "3d" : "2d")
{
  const Grid & grid = findGrid(gridName);
  auto         image = makeOn<Colors<T, D>>(grid);
  image->SetNumberOfComponentsPerPixel(components);
  image->Allocate();
  const auto values = makeValues("W", grid, rangeOf<T>(), components);
  for (size_t at = 0; at < values.size(); ++at)
  {
    image->GetBufferPointer()[at] = static_cast<T>(values[at]);
  }
  return { image,
           R"({"image":"W","grid":")" + gridName + R"(","type":")" + typeName<T>() + R"(","components":)" +
             std::to_string(components) + "}" };
}

// One of values that are written out.
template <class T, unsigned D>
Input<Image<T, D>> written(const std::vector<size_t> & size, const std::vector<double> & values)
{
  Grid grid{ "", size, std::vector<double>(D, 1.0), std::vector<double>(D, 0.0), std::vector<double>(D * D, 0.0) };
  for (unsigned axis = 0; axis < D; ++axis)
  {
    grid.direction[axis * (D + 1)] = 1;
  }
  std::string json = R"({"size":[)";
  for (size_t at = 0; at < size.size(); ++at)
  {
    json += (at > 0 ? "," : "") + std::to_string(size[at]);
  }
  return { fill<T, D>(grid, values),
           json + R"(],"type":")" + typeName<T>() + R"(","values":)" + Argument(values).json + "}" };
}

// What a call gives.
struct Outcome
{
  // The fields of a record after its arguments, as JSON.
  std::string fields;
};

std::string describeGrid(const std::vector<size_t> & size,
                         const std::vector<double> & spacing,
                         const std::vector<double> & origin,
                         const std::vector<double> & direction);

template <class ImageType>
std::string describeGridOf(const ImageType * image)
{
  constexpr unsigned  D = ImageType::ImageDimension;
  const auto          region = image->GetLargestPossibleRegion();
  std::vector<size_t> size;
  std::vector<double> spacing, origin, direction;
  // As SimpleITK does, a region that does not begin at 0 is moved there, and the origin with it.
  typename ImageType::PointType first;
  image->TransformIndexToPhysicalPoint(region.GetIndex(), first);
  for (unsigned axis = 0; axis < D; ++axis)
  {
    size.push_back(region.GetSize()[axis]);
    spacing.push_back(image->GetSpacing()[axis]);
    origin.push_back(first[axis]);
    for (unsigned other = 0; other < D; ++other)
    {
      direction.push_back(image->GetDirection()[axis][other]);
    }
  }
  return describeGrid(size, spacing, origin, direction);
}

std::string describeValues(const std::vector<std::string> & values);

template <class T>
std::string formatVoxel(T value)
{
  if constexpr (std::is_floating_point<T>::value)
  {
    return format(value);
  }
  else
  {
    return std::to_string(value);
  }
}

template <class T, unsigned D>
Outcome outcomeOf(const itk::SmartPointer<Image<T, D>> & image)
{
  std::vector<std::string> values;
  itk::ImageRegionConstIterator<Image<T, D>> at(image, image->GetLargestPossibleRegion());
  for (; !at.IsAtEnd(); ++at)
  {
    values.push_back(formatVoxel<T>(at.Get()));
  }
  return { describeGridOf(image.GetPointer()) + R"(,"dtype":")" + typeName<T>() + R"(",)" + describeValues(values) };
}

template <class T, unsigned D>
Outcome outcomeOf(const itk::SmartPointer<Colors<T, D>> & image)
{
  std::vector<std::string> values;
  const unsigned           components = image->GetNumberOfComponentsPerPixel();
  const size_t             count = image->GetLargestPossibleRegion().GetNumberOfPixels() * components;
  for (size_t at = 0; at < count; ++at)
  {
    values.push_back(formatVoxel<T>(image->GetBufferPointer()[at]));
  }
  return { describeGridOf(image.GetPointer()) + R"(,"dtype":")" + typeName<T>() + R"(","components":)" +
           std::to_string(components) + "," + describeValues(values) };
}

Outcome outcomeOf(double number);
Outcome outcomeOf(const std::vector<double> & numbers);
Outcome outcomeOf(const std::vector<std::vector<double>> & rows);

void record(const std::string & primitive, const std::vector<Argument> & arguments, const Outcome & outcome);
void recordRefusal(const std::string & primitive, const std::vector<Argument> & arguments, const std::string & why);

// A case: the call, and how ITK computes it. Where ITK throws, the case says that the call is refused.
template <class Compute>
void golden(const std::string & primitive, const std::vector<Argument> & arguments, Compute compute)
{
  try
  {
    record(primitive, arguments, outcomeOf(compute()));
  }
  catch (const itk::ExceptionObject & error)
  {
    recordRefusal(primitive, arguments, error.GetDescription());
  }
}

// Runs a filter and gives its output.
template <class Filter>
typename Filter::OutputImageType::Pointer run(Filter * filter)
{
  filter->Update();
  typename Filter::OutputImageType::Pointer output = filter->GetOutput();
  output->DisconnectPipeline();
  return output;
}

// Writes a file for each primitive.
void writeGoldens(const std::string & folder);
