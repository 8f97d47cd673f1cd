// Dilation, erosion, opening and closing of masks.
#include <itkBinaryDilateImageFilter.h>
#include <itkBinaryErodeImageFilter.h>
#include <itkBinaryMorphologicalClosingImageFilter.h>
#include <itkBinaryMorphologicalOpeningImageFilter.h>
#include <itkFlatStructuringElement.h>

#include "golden.h"

namespace
{
template <unsigned D>
using Kernel = itk::FlatStructuringElement<D>;

// As SimpleITK makes them of its KernelEnum.
template <unsigned D>
Kernel<D> makeKernel(const std::string & shape, const std::vector<unsigned> & radius)
{
  typename Kernel<D>::SizeType size;
  for (unsigned axis = 0; axis < D; ++axis)
  {
    size[axis] = radius[axis];
  }
  if (shape == "box")
  {
    return Kernel<D>::Box(size);
  }
  return shape == "cross" ? Kernel<D>::Cross(size) : Kernel<D>::Ball(size);
}

template <template <class, class, class> class Filter, class T, unsigned D>
auto makeFilter(const Input<Image<T, D>> & image, const std::string & shape, const std::vector<unsigned> & radius)
{
  auto filter = Filter<Image<T, D>, Image<T, D>, Kernel<D>>::New();
  filter->SetInput(image.image);
  filter->SetKernel(makeKernel<D>(shape, radius));
  return filter;
}

struct Settings
{
  int  foreground = 1;
  int  background = 0;
  bool isFlipped = false;
};

// In the order in which SimpleITK takes them: radius, kernel, background, foreground, and what lies beyond the edge.
template <class T, unsigned D>
void addAll(const Input<Image<T, D>> &      image,
            const std::string &             shape,
            const std::vector<unsigned> &   radius,
            const Settings &                settings = Settings{})
{
  const auto foreground = static_cast<T>(settings.foreground);
  const auto background = static_cast<T>(settings.background);
  const auto before = [&](std::vector<Argument> more) {
    std::vector<Argument> all{ image, radius, text(shape) };
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::vector<Argument> values{ settings.background, settings.foreground };
  golden("simpleitk.BinaryDilate", before({ values[0], values[1], settings.isFlipped }), [&] {
    auto filter = makeFilter<itk::BinaryDilateImageFilter>(image, shape, radius);
    filter->SetForegroundValue(foreground);
    filter->SetBackgroundValue(background);
    filter->SetBoundaryToForeground(settings.isFlipped);
    return run(filter.GetPointer());
  });
  golden("simpleitk.BinaryErode", before({ values[0], values[1], !settings.isFlipped }), [&] {
    auto filter = makeFilter<itk::BinaryErodeImageFilter>(image, shape, radius);
    filter->SetForegroundValue(foreground);
    filter->SetBackgroundValue(background);
    filter->SetBoundaryToForeground(!settings.isFlipped);
    return run(filter.GetPointer());
  });
  golden("simpleitk.BinaryMorphologicalOpening", before(values), [&] {
    auto filter = makeFilter<itk::BinaryMorphologicalOpeningImageFilter>(image, shape, radius);
    filter->SetForegroundValue(foreground);
    filter->SetBackgroundValue(background);
    return run(filter.GetPointer());
  });
  golden("simpleitk.BinaryMorphologicalClosing", before({ values[1], !settings.isFlipped }), [&] {
    auto filter = makeFilter<itk::BinaryMorphologicalClosingImageFilter>(image, shape, radius);
    filter->SetForegroundValue(foreground);
    filter->SetSafeBorder(!settings.isFlipped);
    return run(filter.GetPointer());
  });
}

// Radius 1 and nothing else said: the defaults.
template <class T, unsigned D>
void addDefaults(const Input<Image<T, D>> & image)
{
  const std::vector<unsigned> one(D, 1);
  golden("simpleitk.BinaryDilate", { image }, [&] {
    auto filter = makeFilter<itk::BinaryDilateImageFilter>(image, "ball", one);
    filter->SetForegroundValue(1);
    filter->SetBackgroundValue(0);
    return run(filter.GetPointer());
  });
  golden("simpleitk.BinaryErode", { image }, [&] {
    auto filter = makeFilter<itk::BinaryErodeImageFilter>(image, "ball", one);
    filter->SetForegroundValue(1);
    filter->SetBackgroundValue(0);
    return run(filter.GetPointer());
  });
  golden("simpleitk.BinaryMorphologicalOpening", { image }, [&] {
    auto filter = makeFilter<itk::BinaryMorphologicalOpeningImageFilter>(image, "ball", one);
    filter->SetForegroundValue(1);
    filter->SetBackgroundValue(0);
    return run(filter.GetPointer());
  });
  golden("simpleitk.BinaryMorphologicalClosing", { image }, [&] {
    auto filter = makeFilter<itk::BinaryMorphologicalClosingImageFilter>(image, "ball", one);
    filter->SetForegroundValue(1);
    return run(filter.GetPointer());
  });
}

// The two of the original, with the settings it calls SimpleITK with.
template <unsigned D>
void addOriginal(const Input<Image<uint8_t, D>> & image)
{
  const std::vector<unsigned> one(D, 1);
  golden("vox1.near", { image }, [&] {
    auto filter = makeFilter<itk::BinaryDilateImageFilter>(image, "box", one);
    filter->SetForegroundValue(1);
    filter->SetBackgroundValue(1);
    return run(filter.GetPointer());
  });
  golden("vox1.interior", { image }, [&] {
    auto filter = makeFilter<itk::BinaryErodeImageFilter>(image, "box", one);
    filter->SetForegroundValue(1);
    filter->SetBackgroundValue(0);
    return run(filter.GetPointer());
  });
}
} // namespace

void addMorphology()
{
  addDefaults(input<uint8_t, 3>("half"));
  addDefaults(input<uint8_t, 2>("sparse"));
  addDefaults(input<uint8_t, 2>("dense"));
  for (const std::string shape : { "ball", "box", "cross" })
  {
    addAll(input<uint8_t, 3>("sparse"), shape, { 1, 1, 1 });
    addAll(input<uint8_t, 3>("dense"), shape, { 2, 1, 0 });
    addAll(input<uint8_t, 3>("half"), shape, { 2, 2, 2 });
    addAll(input<uint8_t, 2>("half"), shape, { 1, 1 });
    addAll(input<uint8_t, 2>("half"), shape, { 1, 1 }, { 1, 0, true });
    addAll(input<uint8_t, 2>("blocks"), shape, { 3, 2 });
    addAll(input<uint8_t, 2>("dense"), shape, { 3, 3 }, { 1, 5, false });
    addAll(input<uint8_t, 2>("labels"), shape, { 1, 1 }, { 3, 0, false });
    addAll(input<uint8_t, 2>("labels"), shape, { 2, 1 }, { 3, 6, false });
    addAll(input<int16_t, 2>("S"), shape, { 1, 1 }, { -2, 3, false });
  }
  addAll(input<uint32_t, 2>("labels"), "ball", { 4, 4 }, { 3, 0, false });
  addAll(input<uint8_t, 2>("all"), "ball", { 1, 1 });
  addAll(input<uint8_t, 2>("all"), "ball", { 2, 2 }, { 1, 0, true });
  addAll(input<uint8_t, 2>("none"), "ball", { 2, 2 });
  addAll(input<uint8_t, 2>("none"), "ball", { 2, 2 }, { 1, 0, true });
  addAll(input<uint8_t, 2>("half"), "ball", { 0, 0 });
  addAll(input<uint8_t, 3>("all", "voxel"), "ball", { 1, 1, 1 });
  addAll(input<uint8_t, 3>("none", "voxel"), "ball", { 1, 1, 1 });
  addAll(input<uint8_t, 3>("half", "row"), "ball", { 2, 2, 2 });
  addAll(input<uint8_t, 2>("half", "column"), "box", { 1, 2 });

  addOriginal<3>(input<uint8_t, 3>("all", "voxel"));
  addOriginal<3>(input<uint8_t, 3>("none", "voxel"));
  addOriginal<2>(input<uint8_t, 2>("all", "dot"));
  addOriginal<3>(input<uint8_t, 3>("half", "row"));
  addOriginal<2>(input<uint8_t, 2>("half", "column"));
  addOriginal<2>(input<uint8_t, 2>("labels"));
  addOriginal<2>(input<uint8_t, 2>("Q"));
}
