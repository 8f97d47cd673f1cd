// What ImgQL's primitives are in C++ on ITK: the filters and settings that SimpleITK calls, and plain code where ITK has no filter.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include "itkBinaryDilateImageFilter.h"
#include "itkBinaryErodeImageFilter.h"
#include "itkBinaryThresholdImageFilter.h"
#include "itkCastImageFilter.h"
#include "itkConnectedComponentImageFilter.h"
#include "itkFlatStructuringElement.h"
#include "itkGradientMagnitudeImageFilter.h"
#include "itkImage.h"
#include "itkImageFileReader.h"
#include "itkMultiThreaderBase.h"
#include "itkNiftiImageIOFactory.h"
#include "itkOtsuThresholdImageFilter.h"
#include "itkSignedMaurerDistanceMapImageFilter.h"
#include "itkStatisticsImageFilter.h"

using Mask = itk::Image<uint8_t, 3>;
using Floats = itk::Image<float, 3>;
using Labels = itk::Image<uint32_t, 3>;

inline std::size_t countOf(const itk::ImageBase<3> * image)
{
  return image->GetLargestPossibleRegion().GetNumberOfPixels();
}

template <typename TImage>
typename TImage::Pointer makeLike(const itk::ImageBase<3> * grid, bool isFilled = false)
{
  auto image = TImage::New();
  image->CopyInformation(grid);
  image->SetRegions(grid->GetLargestPossibleRegion());
  image->Allocate(isFilled);
  return image;
}

template <typename TFilter>
typename TFilter::OutputImageType::Pointer runFilter(TFilter * filter)
{
  filter->Update();
  typename TFilter::OutputImageType::Pointer output = filter->GetOutput();
  output->DisconnectPipeline();
  return output;
}

template <typename TImage>
Mask::Pointer threshold(const TImage * image, double lower, double upper)
{
  auto filter = itk::BinaryThresholdImageFilter<TImage, Mask>::New();
  filter->SetInput(image);
  filter->SetLowerThreshold(static_cast<typename TImage::PixelType>(lower));
  filter->SetUpperThreshold(static_cast<typename TImage::PixelType>(upper));
  filter->SetInsideValue(1);
  filter->SetOutsideValue(0);
  return runFilter(filter.GetPointer());
}

/** Values above a bound: SimpleITK's comparison, as a threshold from the next float on. */
inline Mask::Pointer above(const Floats * image, float bound)
{
  return threshold(image, std::nextafter(bound, std::numeric_limits<float>::infinity()), std::numeric_limits<float>::max());
}

using Box = itk::FlatStructuringElement<3>;

inline Mask::Pointer near(const Mask * mask)
{
  auto filter = itk::BinaryDilateImageFilter<Mask, Mask, Box>::New();
  Box::RadiusType radius;
  radius.Fill(1);
  filter->SetInput(mask);
  filter->SetKernel(Box::Box(radius));
  filter->SetForegroundValue(1);
  filter->SetBackgroundValue(0);
  filter->SetBoundaryToForeground(false);
  return runFilter(filter.GetPointer());
}

inline Mask::Pointer interior(const Mask * mask)
{
  auto filter = itk::BinaryErodeImageFilter<Mask, Mask, Box>::New();
  Box::RadiusType radius;
  radius.Fill(1);
  filter->SetInput(mask);
  filter->SetKernel(Box::Box(radius));
  filter->SetForegroundValue(1);
  filter->SetBackgroundValue(0);
  filter->SetBoundaryToForeground(true);
  return runFilter(filter.GetPointer());
}

inline Floats::Pointer distance(const Mask * mask)
{
  auto filter = itk::SignedMaurerDistanceMapImageFilter<Mask, Floats>::New();
  filter->SetInput(mask);
  filter->SetInsideIsPositive(false);
  filter->SetSquaredDistance(false);
  filter->SetUseImageSpacing(true);
  return runFilter(filter.GetPointer());
}

inline Labels::Pointer components(const Mask * mask)
{
  auto filter = itk::ConnectedComponentImageFilter<Mask, Labels>::New();
  filter->SetInput(mask);
  filter->SetFullyConnected(true);
  return runFilter(filter.GetPointer());
}

inline Floats::Pointer lcc(const Mask * mask)
{
  auto filter = itk::CastImageFilter<Labels, Floats>::New();
  filter->SetInput(components(mask));
  return runFilter(filter.GetPointer());
}

inline std::vector<uint32_t> sizesOf(const Labels * labels)
{
  const std::size_t count = countOf(labels);
  const uint32_t * from = labels->GetBufferPointer();
  std::vector<uint32_t> sizes(*std::max_element(from, from + count) + 1, 0);
  for (std::size_t at = 0; at < count; ++at) ++sizes[from[at]];
  return sizes;
}

inline Mask::Pointer paint(const Labels * labels, const std::vector<uint8_t> & paints)
{
  auto output = makeLike<Mask>(labels);
  const std::size_t count = countOf(labels);
  const uint32_t * from = labels->GetBufferPointer();
  uint8_t * to = output->GetBufferPointer();
  for (std::size_t at = 0; at < count; ++at) to[at] = paints[from[at]];
  return output;
}

inline Mask::Pointer through(const Mask * seed, const Mask * mask)
{
  auto labels = components(mask);
  const std::size_t count = countOf(labels);
  const uint32_t * from = labels->GetBufferPointer();
  const uint8_t * seeds = seed->GetBufferPointer();
  std::vector<uint8_t> paints(*std::max_element(from, from + count) + 1, 0);
  for (std::size_t at = 0; at < count; ++at) if (seeds[at] != 0) paints[from[at]] = 1;
  paints[0] = 0;
  return paint(labels, paints);
}

inline Mask::Pointer maxvol(const Mask * mask)
{
  auto labels = components(mask);
  std::vector<uint32_t> sizes = sizesOf(labels);
  sizes[0] = 0;
  const uint32_t most = *std::max_element(sizes.begin(), sizes.end());
  std::vector<uint8_t> paints(sizes.size(), 0);
  for (std::size_t label = 1; label < sizes.size(); ++label) paints[label] = sizes[label] == most ? 1 : 0;
  return paint(labels, paints);
}

inline Mask::Pointer otsu(const Floats * image, const Mask * mask, unsigned bins)
{
  auto filter = itk::OtsuThresholdImageFilter<Floats, Mask, Mask>::New();
  filter->SetInput(image);
  filter->SetMaskImage(mask);
  filter->SetNumberOfHistogramBins(bins);
  filter->SetInsideValue(0);
  filter->SetOutsideValue(1);
  filter->SetMaskValue(1);
  filter->SetMaskOutput(true);
  return runFilter(filter.GetPointer());
}

inline Floats::Pointer gradient(const Floats * image)
{
  auto filter = itk::GradientMagnitudeImageFilter<Floats, Floats>::New();
  filter->SetInput(image);
  return runFilter(filter.GetPointer());
}

/** Not of ITK: ranks by a sort of the values in the mask and a search for each. */
inline Floats::Pointer percentiles(const Floats * image, const Mask * mask, double correction)
{
  auto output = makeLike<Floats>(image);
  const std::size_t count = countOf(image);
  const float * values = image->GetBufferPointer();
  const uint8_t * members = mask->GetBufferPointer();
  float * ranks = output->GetBufferPointer();
  std::vector<float> sorted;
  sorted.reserve(count);
  for (std::size_t at = 0; at < count; ++at) if (members[at] != 0) sorted.push_back(values[at]);
  std::sort(sorted.begin(), sorted.end());
  std::vector<float> distinct;
  std::vector<float> ranking;
  for (std::size_t start = 0; start < sorted.size();)
  {
    std::size_t end = start + 1;
    while (end < sorted.size() && sorted[end] == sorted[start]) ++end;
    distinct.push_back(sorted[start]);
    ranking.push_back(static_cast<float>((start + correction * (end - start)) / sorted.size()));
    start = end;
  }
  auto threader = itk::MultiThreaderBase::New();
  threader->ParallelizeArray(0, 16, [&](itk::SizeValueType part) {
    for (std::size_t at = count * part / 16; at < count * (part + 1) / 16; ++at)
    {
      ranks[at] = members[at] == 0 ? -1.f
        : ranking[std::lower_bound(distinct.begin(), distinct.end(), values[at]) - distinct.begin()];
    }
  }, nullptr);
  return output;
}

/** Not of ITK: Pearson's correlation of histograms; that of the window slides along x, a face of voxels at a time. */
inline Floats::Pointer crossCorrelation(
  double radius, const Floats * image, const Floats * other, const Mask * region, double from, double to, unsigned bins)
{
  auto output = makeLike<Floats>(image);
  const auto size = image->GetLargestPossibleRegion().GetSize();
  const auto spacing = image->GetSpacing();
  const long nx = size[0], ny = size[1], nz = size[2];
  long reach[3];
  for (int axis = 0; axis < 3; ++axis) reach[axis] = std::max(1L, std::lrint(radius / spacing[axis]));
  const double width = (to - from) / bins;
  auto binOf = [=](float value) -> int {
    if (!(value >= from && value < to)) return -1;
    return std::min(static_cast<int>((value - from) / width), static_cast<int>(bins) - 1);
  };
  const std::size_t count = countOf(image);
  const float * values = image->GetBufferPointer();
  std::vector<int16_t> binned(count);
  std::vector<double> reference(bins, 0);
  for (std::size_t at = 0; at < count; ++at)
  {
    binned[at] = static_cast<int16_t>(binOf(values[at]));
    if (region->GetBufferPointer()[at] == 0) continue;
    const int bin = binOf(other->GetBufferPointer()[at]);
    if (bin >= 0) reference[bin] += 1;
  }
  double sum = 0, referenceSquares = 0;
  for (double each : reference)
  {
    sum += each;
    referenceSquares += each * each;
  }
  const double variance = bins * referenceSquares - sum * sum;
  float * results = output->GetBufferPointer();
  auto threader = itk::MultiThreaderBase::New();
  threader->ParallelizeArray(0, ny * nz, [&](itk::SizeValueType row) {
    const long y = row % ny, z = row / ny;
    std::vector<int> counts(bins, 0);
    int total = 0;
    auto face = [&](long x, int change) {
      if (x < 0 || x >= nx) return;
      for (long k = std::max(0L, z - reach[2]); k <= std::min(nz - 1, z + reach[2]); ++k)
        for (long j = std::max(0L, y - reach[1]); j <= std::min(ny - 1, y + reach[1]); ++j)
        {
          const int bin = binned[(k * ny + j) * nx + x];
          if (bin < 0) continue;
          counts[bin] += change;
          total += change;
        }
    };
    for (long x = 0; x < reach[0]; ++x) face(x, 1);
    for (long x = 0; x < nx; ++x)
    {
      face(x + reach[0], 1);
      face(x - reach[0] - 1, -1);
      // Sums of whole numbers are exact, in whatever order.
      double squares = 0, products = 0;
      for (unsigned bin = 0; bin < bins; ++bin)
      {
        squares += static_cast<double>(counts[bin]) * counts[bin];
        products += counts[bin] * reference[bin];
      }
      const double own = bins * squares - static_cast<double>(total) * total;
      results[row * nx + x] = static_cast<float>(
        variance == 0 ? (own == 0 ? 1 : 0)
        : own == 0    ? 0
                      : (bins * products - total * sum) / (std::sqrt(own) * std::sqrt(variance)));
    }
  }, nullptr);
  return output;
}
