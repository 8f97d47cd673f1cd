// Filters that take several values a voxel, each like an image of its own.
#include <itkAddImageFilter.h>
#include <itkAffineTransform.h>
#include <itkCastImageFilter.h>
#include <itkLinearInterpolateImageFunction.h>
#include <itkMaskImageFilter.h>
#include <itkNearestNeighborInterpolateImageFunction.h>
#include <itkOtsuThresholdImageFilter.h>
#include <itkResampleImageFilter.h>
#include <itkSmoothingRecursiveGaussianImageFilter.h>
#include <itkSubtractImageFilter.h>

#include "golden.h"

namespace
{
template <template <class, class, class> class Filter, class T, unsigned D>
void addBetween(const std::string & name, const Input<Colors<T, D>> & image)
{
  using I = Colors<T, D>;
  golden(name, { image, image }, [&] {
    auto filter = Filter<I, I, I>::New();
    filter->SetInput1(image.image);
    filter->SetInput2(image.image);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addArithmeticOf(const Input<Colors<T, D>> & image)
{
  addBetween<itk::AddImageFilter>("simpleitk.Add", image);
  addBetween<itk::SubtractImageFilter>("simpleitk.Subtract", image);
}

template <class To, class T, unsigned D>
void addCastOf(const Input<Colors<T, D>> & image)
{
  golden("simpleitk.Cast", { image, text(typeName<To>()) }, [&] {
    auto filter = itk::CastImageFilter<Colors<T, D>, Colors<To, D>>::New();
    filter->SetInput(image.image);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addMaskOf(const Input<Colors<T, D>> & image, const Input<Image<uint8_t, D>> & mask)
{
  for (const std::string name : { "simpleitk.Mask", "vox1.mask" })
  {
    golden(name, { image, mask }, [&] {
      auto filter = itk::MaskImageFilter<Colors<T, D>, Image<uint8_t, D>, Colors<T, D>>::New();
      filter->SetInput(image.image);
      filter->SetMaskImage(mask.image);
      return run(filter.GetPointer());
    });
  }
}

template <class T, unsigned D>
void addSmooth(const Input<Colors<T, D>> & image, const std::vector<double> & sigma)
{
  golden("simpleitk.SmoothingRecursiveGaussian", { image, sigma }, [&] {
    // SimpleITK's output has floats, whatever the input is.
    using Filter = itk::SmoothingRecursiveGaussianImageFilter<Colors<T, D>, Colors<float, D>>;
    auto                            filter = Filter::New();
    typename Filter::SigmaArrayType sigmas;
    for (unsigned axis = 0; axis < D; ++axis)
    {
      sigmas[axis] = sigma[axis];
    }
    filter->SetInput(image.image);
    filter->SetSigmaArray(sigmas);
    return run(filter.GetPointer());
  });
}

template <class I>
typename I::Pointer resample(const I *                                  image,
                             const itk::ImageBase<I::ImageDimension> *  like,
                             const itk::Transform<double, I::ImageDimension, I::ImageDimension> * transform,
                             const std::string &                        how,
                             const typename I::PixelType &              outside)
{
  auto filter = itk::ResampleImageFilter<I, I, double>::New();
  filter->SetInput(image);
  filter->SetSize(like->GetLargestPossibleRegion().GetSize());
  filter->SetOutputOrigin(like->GetOrigin());
  filter->SetOutputSpacing(like->GetSpacing());
  filter->SetOutputDirection(like->GetDirection());
  filter->SetDefaultPixelValue(outside);
  if (transform != nullptr)
  {
    filter->SetTransform(transform);
  }
  if (how == "nearest")
  {
    filter->SetInterpolator(itk::NearestNeighborInterpolateImageFunction<I, double>::New());
  }
  else
  {
    filter->SetInterpolator(itk::LinearInterpolateImageFunction<I, double>::New());
  }
  return run(filter.GetPointer());
}

template <class T, unsigned D>
void addResampleOf(const Input<Colors<T, D>> & image, const std::string & grid, double outside)
{
  const auto                    like = input<uint8_t, D>("none", grid);
  itk::VariableLengthVector<T> value(image.image->GetNumberOfComponentsPerPixel());
  value.Fill(static_cast<T>(outside));
  for (const std::string how : { "linear", "nearest" })
  {
    golden("simpleitk.Resample", { image, like, text(how), outside }, [&] {
      return resample<Colors<T, D>>(image.image, like.image, nullptr, how, value);
    });
  }
}

template <class T, unsigned D>
void addMoved(const Input<Image<T, D>> & image, const std::string & grid, const std::vector<double> & parameters)
{
  using Affine = itk::AffineTransform<double, D>;
  const auto                        like = input<uint8_t, D>("none", grid);
  auto                              transform = Affine::New();
  typename Affine::ParametersType   numbers(static_cast<unsigned>(parameters.size()));
  for (unsigned at = 0; at < parameters.size(); ++at)
  {
    numbers[at] = parameters[at];
  }
  transform->SetParameters(numbers);
  for (const std::string how : { "linear", "nearest" })
  {
    golden("simpleitk.Resample", { image, like, parameters, text(how), -3 }, [&] {
      return resample<Image<T, D>>(image.image, like.image, transform, how, static_cast<T>(-3));
    });
  }
}

template <class T, unsigned D>
typename itk::OtsuThresholdImageFilter<Image<T, D>, Image<uint8_t, D>, Image<uint8_t, D>>::Pointer
makeMidpoint(const Input<Image<T, D>> & image, unsigned bins)
{
  auto filter = itk::OtsuThresholdImageFilter<Image<T, D>, Image<uint8_t, D>, Image<uint8_t, D>>::New();
  filter->SetInput(image.image);
  filter->SetInsideValue(1);
  filter->SetOutsideValue(0);
  filter->SetNumberOfHistogramBins(bins);
  filter->SetReturnBinMidpoint(true);
  return filter;
}

// A threshold in the middle of a bin parts otherwise where the bin has values.
template <class T, unsigned D>
void addMidpoint(const Input<Image<T, D>> & image, const Input<Image<uint8_t, D>> & mask)
{
  for (const unsigned bins : { 128u, 8u, 3u })
  {
    golden("simpleitk.OtsuThreshold", { image, 1, 0, bins, true }, [&] {
      return run(makeMidpoint(image, bins).GetPointer());
    });
    golden("simpleitk.OtsuThreshold", { image, mask, 1, 0, bins, true, 1, true }, [&] {
      auto filter = makeMidpoint(image, bins);
      filter->SetMaskImage(mask.image);
      filter->SetMaskValue(1);
      filter->SetMaskOutput(true);
      return run(filter.GetPointer());
    });
  }
}
} // namespace

void addColored()
{
  addArithmeticOf(colors<uint8_t, 2>(3));
  addArithmeticOf(colors<float, 3>(2));
  addCastOf<float>(colors<uint8_t, 2>(3));
  addCastOf<uint16_t>(colors<uint8_t, 3>(4));
  addMaskOf(colors<uint8_t, 2>(3), input<uint8_t, 2>("half"));
  addMaskOf(colors<float, 3>(2), input<uint8_t, 3>("sparse"));
  addMaskOf(colors<int16_t, 3>(4, "voxel"), input<uint8_t, 3>("none", "voxel"));
  addSmooth(colors<uint8_t, 2>(3), { 1, 1.5 });
  addSmooth(colors<float, 3>(2), { 1, 2, 3 });
  addResampleOf(colors<uint8_t, 2>(3), "fine-2d", 9);
  addResampleOf(colors<float, 3>(2, "turned"), "turned-fine", -1);

  addMoved(input<float, 3>("A"), "fine", { 1, 0, 0, 0, 1, 0, 0, 0, 1, 0.35, -0.6, 0.8 });
  addMoved(input<float, 3>("A", "turned"), "turned-fine", { 0.9, 0.1, 0, -0.1, 0.95, 0.05, 0, 0.02, 1.1, 0.3, -0.4, 0.5 });
  addMoved(input<int16_t, 2>("W"), "fine-2d", { 0.8, -0.6, 0.6, 0.8, 1.5, -0.25 });
  addMoved(input<uint8_t, 3>("half", "turned"), "crossing", { 1, 0.2, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0.1 });

  addMidpoint(input<float, 3>("A"), input<uint8_t, 3>("half"));
  addMidpoint(input<uint8_t, 2>("W"), input<uint8_t, 2>("dense"));
  addMidpoint(input<int16_t, 2>("W"), input<uint8_t, 2>("all"));
  addMidpoint(input<double, 2>("W"), input<uint8_t, 2>("half"));
}
