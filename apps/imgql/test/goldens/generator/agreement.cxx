// How well masks and labels agree, what values an image has, and means over labels.
#include <algorithm>
#include <cmath>
#include <set>

#include <itkAbsImageFilter.h>
#include <itkBinaryContourImageFilter.h>
#include <itkBinaryThresholdImageFilter.h>
#include <itkCastImageFilter.h>
#include <itkComposeImageFilter.h>
#include <itkConstantPadImageFilter.h>
#include <itkImageToHistogramFilter.h>
#include <itkLabelOverlapMeasuresImageFilter.h>
#include <itkLabelStatisticsImageFilter.h>
#include <itkSignedMaurerDistanceMapImageFilter.h>
#include <itkStatisticsImageFilter.h>
#include <itkSubtractImageFilter.h>

#include "golden.h"

namespace
{
template <class T, unsigned D>
typename itk::LabelOverlapMeasuresImageFilter<Image<T, D>>::Pointer overlapOf(const Input<Image<T, D>> & found,
                                                                              const Input<Image<T, D>> & truth)
{
  auto filter = itk::LabelOverlapMeasuresImageFilter<Image<T, D>>::New();
  filter->SetSourceImage(found.image);
  filter->SetTargetImage(truth.image);
  filter->Update();
  return filter;
}

// Of a label that is in one of them: of one that is in neither, ITK says 0, and imgql that they agree.
template <class T, unsigned D>
void addOverlap(const Input<Image<T, D>> & found, const Input<Image<T, D>> & truth, int label)
{
  golden("arrays.dice_score", { found, truth, label }, [&] {
    return static_cast<double>(overlapOf(found, truth)->GetDiceCoefficient(static_cast<T>(label)));
  });
  golden("arrays.jaccard_index", { found, truth, label }, [&] {
    return static_cast<double>(overlapOf(found, truth)->GetJaccardCoefficient(static_cast<T>(label)));
  });
}

template <class T, unsigned D>
void addAccuracy(const Input<Image<T, D>> & found, const Input<Image<T, D>> & truth)
{
  golden("arrays.pixel_accuracy", { found, truth }, [&] {
    const auto filter = overlapOf(found, truth);
    double     equal = 0;
    for (const auto & [label, measures] : filter->GetLabelSetMeasures())
    {
      equal += static_cast<double>(measures.m_Intersection);
    }
    return equal / static_cast<double>(found.image->GetLargestPossibleRegion().GetNumberOfPixels());
  });
}

// A row for each class of the truth: a joint histogram with a bin for each pair of classes.
template <class T, unsigned D>
void addConfusion(const Input<Image<T, D>> & found, const Input<Image<T, D>> & truth, unsigned classes)
{
  golden("arrays.confusion_matrix", { found, truth, classes }, [&] {
    auto compose = itk::ComposeImageFilter<Image<T, D>, Colors<T, D>>::New();
    compose->SetInput(0, truth.image);
    compose->SetInput(1, found.image);
    using Filter = itk::Statistics::ImageToHistogramFilter<Colors<T, D>>;
    auto                                     filter = Filter::New();
    typename Filter::HistogramSizeType       bins(2);
    typename Filter::HistogramMeasurementVectorType least(2), most(2);
    bins.Fill(classes);
    least.Fill(-0.5);
    most.Fill(classes - 0.5);
    filter->SetInput(compose->GetOutput());
    filter->SetHistogramSize(bins);
    filter->SetHistogramBinMinimum(least);
    filter->SetHistogramBinMaximum(most);
    filter->SetAutoMinimumMaximum(false);
    filter->Update();
    std::vector<std::vector<double>> table;
    for (unsigned row = 0; row < classes; ++row)
    {
      table.emplace_back();
      for (unsigned column = 0; column < classes; ++column)
      {
        typename Filter::HistogramType::IndexType at(2);
        at[0] = row;
        at[1] = column;
        table.back().push_back(static_cast<double>(filter->GetOutput()->GetFrequency(at)));
      }
    }
    return table;
  });
}

template <class T, unsigned D>
typename Image<uint8_t, D>::Pointer equalTo(const Image<T, D> * image, T value, int inside, int outside)
{
  auto filter = itk::BinaryThresholdImageFilter<Image<T, D>, Image<uint8_t, D>>::New();
  filter->SetInput(image);
  filter->SetLowerThreshold(value);
  filter->SetUpperThreshold(value);
  filter->SetInsideValue(static_cast<uint8_t>(inside));
  filter->SetOutsideValue(static_cast<uint8_t>(outside));
  return run(filter.GetPointer());
}

template <class T, unsigned D>
double countEqual(const Image<T, D> * image, T value)
{
  auto filter = itk::StatisticsImageFilter<Image<uint8_t, D>>::New();
  const auto equal = equalTo<T, D>(image, value, 1, 0);
  filter->SetInput(equal);
  filter->Update();
  return static_cast<double>(filter->GetSum());
}

template <class T, unsigned D>
void addEqual(const Input<Image<T, D>> & image, double value)
{
  golden("arrays.count_pixels", { image, value }, [&] {
    return countEqual<T, D>(image.image, static_cast<T>(value));
  });
  golden("arrays.threshold_equal", { image, value }, [&] {
    return equalTo<T, D>(image.image, static_cast<T>(value), 1, 0);
  });
  golden("arrays.threshold_equal", { image, value, 7, 200 }, [&] {
    return equalTo<T, D>(image.image, static_cast<T>(value), 7, 200);
  });
}

template <class L, class T, unsigned D>
typename itk::LabelStatisticsImageFilter<Image<T, D>, Image<L, D>>::Pointer statisticsOf(const Image<L, D> * labels,
                                                                                         const Image<T, D> * image)
{
  auto filter = itk::LabelStatisticsImageFilter<Image<T, D>, Image<L, D>>::New();
  filter->SetLabelInput(labels);
  filter->SetInput(image);
  filter->Update();
  return filter;
}

template <class T, unsigned D>
void addCounts(const Input<Image<T, D>> & image)
{
  golden("arrays.count_pixels", { image }, [&] {
    const auto filter = statisticsOf<T, T, D>(image.image, image.image);
    auto       values = filter->GetValidLabelValues();
    std::sort(values.begin(), values.end());
    std::vector<std::vector<double>> pairs;
    for (const auto value : values)
    {
      pairs.push_back({ static_cast<double>(value), static_cast<double>(filter->GetCount(value)) });
    }
    return pairs;
  });
}

// Moments by ITK; the value in the middle, or the mean of two, and how many different there are, by what these words mean.
template <class T, unsigned D>
void addStats(const Input<Image<T, D>> & image)
{
  golden("arrays.array_stats", { image }, [&] {
    auto filter = itk::StatisticsImageFilter<Image<T, D>>::New();
    filter->SetInput(image.image);
    filter->Update();
    const size_t   count = image.image->GetLargestPossibleRegion().GetNumberOfPixels();
    std::vector<T> sorted(image.image->GetBufferPointer(), image.image->GetBufferPointer() + count);
    std::sort(sorted.begin(), sorted.end());
    const double low = static_cast<double>(sorted[(count - 1) / 2]);
    const double high = static_cast<double>(sorted[count / 2]);
    const double deviation =
      count == 1 ? 0 : std::sqrt(filter->GetVariance() * static_cast<double>(count - 1) / static_cast<double>(count));
    return std::vector<double>{ filter->GetMean(),
                                deviation,
                                static_cast<double>(filter->GetMinimum()),
                                static_cast<double>(filter->GetMaximum()),
                                (low + high) / 2,
                                static_cast<double>(count),
                                static_cast<double>(std::set<T>(sorted.begin(), sorted.end()).size()) };
  });
}

template <class T, unsigned D>
void addDifferences(const Input<Image<T, D>> & a, const Input<Image<T, D>> & b)
{
  golden("arrays.compare_arrays", { a, b }, [&] {
    using Doubles = Image<double, D>;
    const auto cast = [](const Image<T, D> * image) {
      auto filter = itk::CastImageFilter<Image<T, D>, Doubles>::New();
      filter->SetInput(image);
      return run(filter.GetPointer());
    };
    auto less = itk::SubtractImageFilter<Doubles>::New();
    less->SetInput1(cast(b.image));
    less->SetInput2(cast(a.image));
    const auto difference = run(less.GetPointer());
    auto       absolute = itk::AbsImageFilter<Doubles, Doubles>::New();
    absolute->SetInput(difference);
    auto of = itk::StatisticsImageFilter<Doubles>::New();
    of->SetInput(difference);
    of->Update();
    auto ofAbsolute = itk::StatisticsImageFilter<Doubles>::New();
    ofAbsolute->SetInput(absolute->GetOutput());
    ofAbsolute->Update();
    const double equal = countEqual<double, D>(difference, 0);
    const double count = static_cast<double>(a.image->GetLargestPossibleRegion().GetNumberOfPixels());
    return std::vector<double>{
      equal, count - equal, of->GetMean(), ofAbsolute->GetMean(), ofAbsolute->GetMaximum(), of->GetMinimum(), of->GetMaximum()
    };
  });
}

// Its sums go by labels in the order of voxels, as here with one thread.
template <class L, class T, unsigned D>
void addLabelMean(const Input<Image<L, D>> & labels, const Input<Image<T, D>> & image)
{
  golden("vox1.label_mean", { labels, image }, [&] {
    const auto filter = statisticsOf<L, T, D>(labels.image, image.image);
    auto       means = Image<float, D>::New();
    means->CopyInformation(image.image);
    means->SetRegions(image.image->GetLargestPossibleRegion());
    means->Allocate();
    const size_t count = image.image->GetLargestPossibleRegion().GetNumberOfPixels();
    for (size_t at = 0; at < count; ++at)
    {
      means->GetBufferPointer()[at] = static_cast<float>(filter->GetMean(labels.image->GetBufferPointer()[at]));
    }
    return typename Image<float, D>::Pointer(means);
  });
}

// The contour of a mask, for which what lies beyond the image is outside.
template <unsigned D>
typename Image<uint8_t, D>::Pointer contourOf(const Image<uint8_t, D> * mask)
{
  using Mask = Image<uint8_t, D>;
  auto                    pad = itk::ConstantPadImageFilter<Mask, Mask>::New();
  typename Mask::SizeType one;
  one.Fill(1);
  pad->SetInput(mask);
  pad->SetPadBound(one);
  pad->SetConstant(0);
  auto contour = itk::BinaryContourImageFilter<Mask, Mask>::New();
  contour->SetInput(pad->GetOutput());
  contour->SetFullyConnected(true);
  contour->SetForegroundValue(1);
  contour->SetBackgroundValue(0);
  return run(contour.GetPointer());
}

// Of each voxel of one contour the distance from the other, in order.
template <unsigned D>
std::vector<float> distancesFrom(const Image<uint8_t, D> * contour, const Image<uint8_t, D> * other)
{
  auto filter = itk::SignedMaurerDistanceMapImageFilter<Image<uint8_t, D>, Image<float, D>>::New();
  filter->SetInput(other);
  filter->SetInsideIsPositive(false);
  filter->SetSquaredDistance(false);
  filter->SetUseImageSpacing(true);
  const auto         map = run(filter.GetPointer());
  std::vector<float> distances;
  const size_t       count = map->GetLargestPossibleRegion().GetNumberOfPixels();
  for (size_t at = 0; at < count; ++at)
  {
    if (contour->GetBufferPointer()[at] != 0)
    {
      distances.push_back(std::max(0.0f, map->GetBufferPointer()[at]));
    }
  }
  std::sort(distances.begin(), distances.end());
  return distances;
}

// Between two neighbors in their order where its share lies between theirs.
double percentileOf(const std::vector<float> & sorted, double share)
{
  const double place = share * static_cast<double>(sorted.size() - 1);
  const double low = static_cast<double>(sorted[static_cast<size_t>(std::floor(place))]);
  const double high = static_cast<double>(sorted[static_cast<size_t>(std::ceil(place))]);
  return low + (high - low) * (place - std::floor(place));
}

// Of two masks that are not empty: ITK's distance from nothing is none.
template <unsigned D>
void addSurfaces(const Input<Image<uint8_t, D>> & a, const Input<Image<uint8_t, D>> & b)
{
  const auto contourA = contourOf<D>(a.image);
  const auto contourB = contourOf<D>(b.image);
  const auto from = distancesFrom<D>(contourA, contourB);
  const auto to = distancesFrom<D>(contourB, contourA);
  golden("vox1.hd95", { a, b }, [&] { return std::max(percentileOf(from, 0.95), percentileOf(to, 0.95)); });
  for (const double tolerance : { 0.0, 1.0, 1.5 })
  {
    golden("vox1.nsd", { a, b, tolerance }, [&] {
      const auto isWithin = [&](float distance) { return static_cast<double>(distance) <= tolerance + 2e-6; };
      const auto within = std::count_if(from.begin(), from.end(), isWithin) + std::count_if(to.begin(), to.end(), isWithin);
      return static_cast<double>(within) / static_cast<double>(from.size() + to.size());
    });
  }
}

template <unsigned D>
void addMasks(const std::string & grid)
{
  const auto mask = [&](const std::string & name) { return input<uint8_t, D>(name, grid); };
  const std::vector<std::pair<std::string, std::string>> pairs{ { "half", "seed" },   { "sparse", "half" },
                                                                 { "dense", "blocks" }, { "all", "sparse" },
                                                                 { "half", "half" },    { "all", "all" } };
  for (const auto & [a, b] : pairs)
  {
    addOverlap(mask(a), mask(b), 1);
    addAccuracy(mask(a), mask(b));
    addConfusion(mask(a), mask(b), 2);
    addSurfaces(mask(a), mask(b));
  }
  addOverlap(mask("all"), mask("none"), 1);
  addOverlap(mask("none"), mask("half"), 1);
  addOverlap(mask("none"), mask("none"), 0);
  addAccuracy(mask("none"), mask("all"));
  addConfusion(mask("none"), mask("all"), 2);
  addConfusion(mask("Q"), mask("P"), 8);
  addOverlap(mask("Q"), mask("P"), 2);
  addOverlap(mask("Q"), mask("P"), 0);
  addAccuracy(mask("Q"), mask("P"));
  addCounts(mask("Q"));
  addCounts(mask("none"));
  addCounts(mask("labels"));
  addEqual(mask("Q"), 3);
  addEqual(mask("half"), 9);
  addStats(mask("Q"));
  addStats(mask("W"));
  addDifferences(mask("half"), mask("seed"));
  addDifferences(mask("Q"), mask("P"));
  addDifferences(mask("all"), mask("all"));
  addLabelMean(mask("labels"), input<float, D>("A", grid));
  addLabelMean(mask("half"), input<float, D>("W", grid));
  addLabelMean(mask("none"), input<float, D>("A", grid));
}
} // namespace

void addAgreement()
{
  addMasks<3>("3d");
  addMasks<2>("2d");
  addMasks<3>("turned");
  // One voxel is its own contour.
  for (const auto & [a, b] : std::vector<std::pair<std::string, std::string>>{ { "all", "all" } })
  {
    addOverlap(input<uint8_t, 3>(a, "voxel"), input<uint8_t, 3>(b, "voxel"), 1);
    addAccuracy(input<uint8_t, 3>(a, "voxel"), input<uint8_t, 3>(b, "voxel"));
    addConfusion(input<uint8_t, 2>(a, "dot"), input<uint8_t, 2>(b, "dot"), 3);
    addSurfaces(input<uint8_t, 3>(a, "voxel"), input<uint8_t, 3>(b, "voxel"));
    addSurfaces(input<uint8_t, 2>(a, "dot"), input<uint8_t, 2>(b, "dot"));
    addStats(input<uint8_t, 3>(a, "voxel"));
    addDifferences(input<float, 3>("A", "voxel"), input<float, 3>("B", "voxel"));
    addLabelMean(input<uint8_t, 3>(a, "voxel"), input<float, 3>("A", "voxel"));
  }
  addSurfaces(input<uint8_t, 3>("half", "row"), input<uint8_t, 3>("seed", "row"));
  addSurfaces(input<uint8_t, 2>("half", "column"), input<uint8_t, 2>("dense", "column"));
  addCounts(input<int16_t, 3>("S"));
  addCounts(input<uint32_t, 2>("W"));
  addEqual(input<int16_t, 3>("S"), -2);
  addEqual(input<float, 2>("Q"), 5);
  addEqual(input<float, 2>("wild"), 0);
  addStats(input<float, 3>("A"));
  addStats(input<int16_t, 2>("W"));
  addStats(input<double, 2>("W"));
  addStats(input<int32_t, 3>("S"));
  addDifferences(input<float, 3>("A"), input<float, 3>("B"));
  addDifferences(input<int16_t, 2>("W"), input<int16_t, 2>("V"));
  addDifferences(input<double, 2>("W"), input<double, 2>("V"));
  addLabelMean(input<int16_t, 3>("labels"), input<uint8_t, 3>("W"));
  addLabelMean(input<uint32_t, 2>("labels"), input<double, 2>("W"));
  addLabelMean(input<uint16_t, 2>("Q"), input<float, 2>("wild"));
}
