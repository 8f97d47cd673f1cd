// Casts, rescaling, numbers about images, and Otsu's thresholds.
#include <itkBinaryThresholdImageFilter.h>
#include <itkCastImageFilter.h>
#include <itkLabelStatisticsImageFilter.h>
#include <itkMinimumMaximumImageFilter.h>
#include <itkOtsuThresholdImageFilter.h>
#include <itkRescaleIntensityImageFilter.h>
#include <itkStatisticsImageFilter.h>

#include "golden.h"

namespace
{
template <class To, class T, unsigned D>
void addCast(const Input<Image<T, D>> & image)
{
  golden("simpleitk.Cast", { image, text(typeName<To>()) }, [&] {
    auto filter = itk::CastImageFilter<Image<T, D>, Image<To, D>>::New();
    filter->SetInput(image.image);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addCasts(const Input<Image<T, D>> & image)
{
  addCast<uint8_t>(image);
  addCast<int8_t>(image);
  addCast<uint16_t>(image);
  addCast<int16_t>(image);
  addCast<uint32_t>(image);
  addCast<int32_t>(image);
  addCast<float>(image);
  addCast<double>(image);
}

template <class T, unsigned D>
void addRescale(const Input<Image<T, D>> & image, double least, double most)
{
  golden("simpleitk.RescaleIntensity", { image, least, most }, [&] {
    auto filter = itk::RescaleIntensityImageFilter<Image<T, D>, Image<T, D>>::New();
    filter->SetInput(image.image);
    filter->SetOutputMinimum(static_cast<T>(least));
    filter->SetOutputMaximum(static_cast<T>(most));
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addNumbers(const Input<Image<T, D>> & image)
{
  golden("simpleitk.Statistics", { image }, [&] {
    auto filter = itk::StatisticsImageFilter<Image<T, D>>::New();
    filter->SetInput(image.image);
    filter->Update();
    return std::vector<double>{ static_cast<double>(filter->GetMinimum()), static_cast<double>(filter->GetMaximum()),
                                filter->GetMean(),  filter->GetSigma(),
                                filter->GetVariance(), filter->GetSum(),
                                static_cast<double>(image.image->GetLargestPossibleRegion().GetNumberOfPixels()) };
  });
  const auto extremes = [&] {
    auto filter = itk::MinimumMaximumImageFilter<Image<T, D>>::New();
    filter->SetInput(image.image);
    filter->Update();
    return std::vector<double>{ static_cast<double>(filter->GetMinimum()), static_cast<double>(filter->GetMaximum()) };
  };
  golden("simpleitk.MinimumMaximum", { image }, extremes);
  golden("vox1.min", { image }, [&] { return extremes()[0]; });
  golden("vox1.max", { image }, [&] { return extremes()[1]; });
}

template <class T, unsigned D>
void addAverage(const Input<Image<T, D>> & image, const Input<Image<uint8_t, D>> & mask)
{
  const auto mean = [&](const std::string & name) {
    auto inside = itk::BinaryThresholdImageFilter<Image<uint8_t, D>, Image<uint8_t, D>>::New();
    inside->SetInput(mask.image);
    inside->SetLowerThreshold(1);
    inside->SetUpperThreshold(255);
    inside->SetInsideValue(1);
    inside->SetOutsideValue(0);
    auto filter = itk::LabelStatisticsImageFilter<Image<T, D>, Image<uint8_t, D>>::New();
    filter->SetInput(image.image);
    filter->SetLabelInput(inside->GetOutput());
    filter->Update();
    if (!filter->HasLabel(1) && name == "vox1.avg")
    {
      itkGenericExceptionMacro("There is no label 1.");
    }
    return filter->HasLabel(1) ? filter->GetMean(1) : 0.0;
  };
  for (const std::string name : { "vox1.avg", "vox1.avg0" })
  {
    golden(name, { image, mask }, [&] { return mean(name); });
  }
}

// How many voxels have a value other than 0, as SimpleITK's Sum of NotEqual.
template <class T, unsigned D>
void addVolume(const Input<Image<T, D>> & image)
{
  for (const std::string name : { "vox1.volume", "vox1.vol" })
  {
    golden(name, { image }, [&] {
      auto zeros = itk::BinaryThresholdImageFilter<Image<T, D>, Image<uint8_t, D>>::New();
      zeros->SetInput(image.image);
      zeros->SetLowerThreshold(0);
      zeros->SetUpperThreshold(0);
      zeros->SetInsideValue(0);
      zeros->SetOutsideValue(1);
      auto filter = itk::StatisticsImageFilter<Image<uint8_t, D>>::New();
      filter->SetInput(zeros->GetOutput());
      filter->Update();
      return filter->GetSum();
    });
  }
}

template <class T, unsigned D>
auto makeOtsu(const Input<Image<T, D>> & image, int inside, int outside, unsigned bins)
{
  using Mask = Image<uint8_t, D>;
  auto filter = itk::OtsuThresholdImageFilter<Image<T, D>, Mask, Mask>::New();
  filter->SetInput(image.image);
  filter->SetInsideValue(static_cast<uint8_t>(inside));
  filter->SetOutsideValue(static_cast<uint8_t>(outside));
  filter->SetNumberOfHistogramBins(bins);
  return filter;
}

template <class T, unsigned D>
void addOtsu(const Input<Image<T, D>> & image)
{
  const std::string name = "simpleitk.OtsuThreshold";
  golden(name, { image }, [&] { return run(makeOtsu(image, 1, 0, 128).GetPointer()); });
  golden(name, { image, 0, 255, 16 }, [&] { return run(makeOtsu(image, 0, 255, 16).GetPointer()); });
}

template <class T, unsigned D>
void addOtsuIn(const Input<Image<T, D>> & image, const Input<Image<uint8_t, D>> & mask, int maskValue)
{
  const std::string name = "simpleitk.OtsuThreshold";
  for (const bool isMasked : { true, false })
  {
    for (const unsigned bins : { 128u, 10u })
    {
      golden(name, { image, mask, 1, 0, bins, isMasked, maskValue }, [&] {
        auto filter = makeOtsu(image, 1, 0, bins);
        filter->SetMaskImage(mask.image);
        filter->SetMaskValue(static_cast<uint8_t>(maskValue));
        filter->SetMaskOutput(isMasked);
        return run(filter.GetPointer());
      });
    }
  }
  if (maskValue == 1)
  {
    golden("vox1.otsu", { image, mask, 20 }, [&] {
      auto filter = makeOtsu(image, 0, 1, 20);
      filter->SetMaskImage(mask.image);
      filter->SetMaskValue(1);
      return run(filter.GetPointer());
    });
  }
}
} // namespace

void addValues()
{
  addCasts(input<uint8_t, 3>("W", "row"));
  addCasts(input<int8_t, 3>("W", "row"));
  addCasts(input<uint16_t, 3>("W", "row"));
  addCasts(input<int16_t, 3>("W", "row"));
  addCasts(input<uint32_t, 3>("W", "row"));
  addCasts(input<int32_t, 3>("W", "row"));
  addCasts(input<float, 3>("A"));
  addCasts(input<float, 2>("Q"));
  // Whole parts that fit the type: the rest is left open by C++.
  const std::vector<double> fractions{ 0, 0.5, 0.9999999, 1.5, 2.5, 99.99, 126.999, 127 };
  const std::vector<double> negatives{ -0.5, -0.9, -1, -1.5, -2.5, -99.99, -127.9, -128 };
  addCasts(written<float, 2>({ 8, 1 }, fractions));
  addCasts(written<double, 3>({ 4, 1, 2 }, fractions));
  addCast<int8_t>(written<float, 2>({ 8, 1 }, negatives));
  addCast<int16_t>(written<float, 2>({ 8, 1 }, negatives));
  addCast<int32_t>(written<double, 2>({ 8, 1 }, negatives));
  addCast<double>(written<float, 2>({ 8, 1 }, negatives));
  addCast<int32_t>(written<double, 2>({ 4, 1 }, { 2147483647.5, -2147483648.5, 1e9 + 0.5, -1e9 - 0.5 }));
  addCast<uint32_t>(written<double, 2>({ 3, 1 }, { 4294967295.5, 2147483648.25, 0.75 }));
  addCast<float>(written<double, 2>({ 4, 1 }, { 0.1, 16777217, 1e-46, 123456789.123 }));
  addCast<double>(input<float, 3>("wild", "row"));
  addCast<float>(input<double, 3>("wild", "row"));
  addCast<float>(input<uint32_t, 2>("W"));
  addCast<uint8_t>(input<float, 3>("A", "voxel"));

  addRescale(input<float, 3>("A"), 0, 255);
  addRescale(input<float, 2>("W"), -1, 1);
  addRescale(input<uint8_t, 2>("Q"), 0, 255);
  addRescale(input<uint8_t, 3>("half"), 10.9, 200.9);
  addRescale(input<int16_t, 2>("W"), -100, 1000);
  addRescale(input<uint16_t, 2>("W"), 0, 65535);
  addRescale(input<int32_t, 2>("W"), 0, 255);
  addRescale(input<double, 2>("W"), 0.25, 0.75);
  addRescale(input<float, 2>("all"), 0, 255);
  addRescale(input<float, 2>("none"), 3, 255);
  addRescale(input<float, 3>("A", "voxel"), 0, 255);
  addRescale(input<uint8_t, 2>("all"), 5, 9);
  addRescale(input<float, 2>("A"), 5, 5);
  addRescale(input<float, 2>("A"), 9, 5);
  addRescale(written<float, 2>({ 3, 1 }, { 5, 5.000001, 5.000002 }), 0, 10);

  addNumbers(input<float, 3>("A"));
  addNumbers(input<float, 2>("W"));
  addNumbers(input<uint8_t, 3>("W"));
  addNumbers(input<int8_t, 2>("W"));
  addNumbers(input<uint16_t, 2>("W"));
  addNumbers(input<int16_t, 2>("W"));
  addNumbers(input<uint32_t, 2>("W"));
  addNumbers(input<int32_t, 3>("W"));
  addNumbers(input<double, 2>("W"));
  addNumbers(input<uint8_t, 2>("none"));
  addNumbers(input<uint8_t, 2>("all"));
  addNumbers(input<float, 3>("A", "voxel"));
  addNumbers(input<float, 2>("A", "column"));
  addNumbers(written<float, 2>({ 4, 1 }, { 1e8, 1e8, 1e8, 100000008 }));

  addAverage(input<float, 3>("A"), input<uint8_t, 3>("half"));
  addAverage(input<float, 2>("W"), input<uint8_t, 2>("255"));
  addAverage(input<int16_t, 2>("W"), input<uint8_t, 2>("sparse"));
  addAverage(input<float, 2>("A"), input<uint8_t, 2>("none"));
  addAverage(input<double, 3>("W", "voxel"), input<uint8_t, 3>("all", "voxel"));

  addVolume(input<uint8_t, 3>("half"));
  addVolume(input<uint8_t, 2>("none"));
  addVolume(input<uint8_t, 2>("all"));
  addVolume(input<uint8_t, 2>("255"));
  addVolume(input<uint32_t, 3>("labels"));
  addVolume(input<float, 3>("wild"));
  addVolume(input<uint8_t, 3>("all", "voxel"));
  addVolume(input<int16_t, 2>("S"));

  addOtsu(input<float, 3>("A"));
  addOtsu(input<float, 2>("Q"));
  addOtsu(input<uint8_t, 2>("W"));
  addOtsu(input<int16_t, 3>("W"));
  addOtsu(input<uint16_t, 2>("W"));
  addOtsu(input<int32_t, 2>("S"));
  addOtsu(input<double, 2>("W"));
  addOtsu(input<float, 2>("all"));
  addOtsu(input<float, 3>("A", "voxel"));
  addOtsuIn(input<float, 3>("A"), input<uint8_t, 3>("half"), 1);
  addOtsuIn(input<uint8_t, 2>("Q"), input<uint8_t, 2>("dense"), 1);
  addOtsuIn(input<int16_t, 2>("W"), input<uint8_t, 2>("255"), 255);
  addOtsuIn(input<float, 2>("A"), input<uint8_t, 2>("labels"), 6);
  addOtsuIn(input<float, 2>("A"), input<uint8_t, 2>("none"), 1);
}
