// Add, Subtract, Multiply and Divide in both namespaces; abs, mask, and the logic of masks.
#include <itkAbsImageFilter.h>
#include <itkAddImageFilter.h>
#include <itkAndImageFilter.h>
#include <itkCastImageFilter.h>
#include <itkDivideImageFilter.h>
#include <itkMaskImageFilter.h>
#include <itkMultiplyImageFilter.h>
#include <itkNotImageFilter.h>
#include <itkOrImageFilter.h>
#include <itkSubtractImageFilter.h>
#include <itkXorImageFilter.h>

#include "golden.h"

namespace
{
template <class Filter, class First, class Second>
typename Filter::OutputImageType::Pointer combine(First first, Second second)
{
  auto filter = Filter::New();
  filter->SetInput1(first);
  filter->SetInput2(second);
  return run(filter.GetPointer());
}

template <class Filter, class First>
typename Filter::OutputImageType::Pointer combineWith(First first, typename Filter::Input2ImagePixelType constant)
{
  auto filter = Filter::New();
  filter->SetInput1(first);
  filter->SetConstant2(constant);
  return run(filter.GetPointer());
}

template <class Filter, class Second>
typename Filter::OutputImageType::Pointer combineFrom(typename Filter::Input1ImagePixelType constant, Second second)
{
  auto filter = Filter::New();
  filter->SetConstant1(constant);
  filter->SetInput2(second);
  return run(filter.GetPointer());
}

template <class To, class T, unsigned D>
typename Image<To, D>::Pointer castTo(typename Image<T, D>::Pointer image)
{
  auto filter = itk::CastImageFilter<Image<T, D>, Image<To, D>>::New();
  filter->SetInput(image);
  return run(filter.GetPointer());
}

// The four operations in an order, by a type of filters that takes three types of images.
template <template <class, class, class> class Filter, class T, unsigned D>
struct Operation
{
  using I = Image<T, D>;
  using Same = Filter<I, I, I>;

  std::string itk;
  std::string vox1;
  std::string shortName;
  bool        isDivision;

  void images(const Input<I> & first, const Input<I> & second) const
  {
    for (const auto & name : { itk, vox1 })
    {
      golden(name, { first, second }, [&] { return combine<Same>(first.image, second.image); });
    }
  }

  // SimpleITK casts a number to the type of the voxels. So does vox1, except for division, which the original does by
  // multiplying with one over the number: here it is ITK's division by the number itself.
  void constants(const Input<I> & image, double constant) const
  {
    const T cast = static_cast<T>(constant);
    golden(itk, { image, constant }, [&] { return combineWith<Same>(image.image, cast); });
    golden(itk, { constant, image }, [&] { return combineFrom<Same>(cast, image.image); });
    using Right = Filter<I, Image<double, D>, I>;
    using Left = Filter<Image<double, D>, I, I>;
    const auto right = [&] {
      return isDivision ? combineWith<Right>(image.image, constant) : combineWith<Same>(image.image, cast);
    };
    const auto left = [&] {
      return isDivision ? combineFrom<Left>(constant, image.image) : combineFrom<Same>(cast, image.image);
    };
    golden(vox1, { image, constant }, right);
    golden(vox1, { constant, image }, left);
    golden("vox1." + shortName + "_vs", { image, constant }, right);
    if (shortName == "sub" || shortName == "div")
    {
      golden("vox1." + shortName + "_sv", { constant, image }, left);
    }
  }
};

template <class T, unsigned D, class Use>
void each(Use use)
{
  use(Operation<itk::AddImageFilter, T, D>{ "simpleitk.Add", "vox1.addition", "add", false });
  use(Operation<itk::SubtractImageFilter, T, D>{ "simpleitk.Subtract", "vox1.subtraction", "sub", false });
  use(Operation<itk::MultiplyImageFilter, T, D>{ "simpleitk.Multiply", "vox1.multiplication", "mul", false });
  use(Operation<itk::DivideImageFilter, T, D>{ "simpleitk.Divide", "vox1.division", "div", true });
}

// Values that leave the range of the type wrap around. `name` and `other` are chosen so that nothing is left open by C++.
template <class T, unsigned D>
void addType(const std::string & name, const std::string & other, double constant)
{
  each<T, D>([&](const auto & operation) {
    operation.images(input<T, D>(name, D == 3 ? "row" : "2d"), input<T, D>(other, D == 3 ? "row" : "2d"));
    operation.constants(input<T, D>(name, D == 3 ? "row" : "2d"), constant);
  });
}

template <class First, class Second, class Common, unsigned D>
void addMixed(const std::string & name, const std::string & other)
{
  const auto first = input<First, D>(name, "row");
  const auto second = input<Second, D>(other, "row");
  using I = Image<Common, D>;
  const auto one = [&] { return castTo<Common, First, D>(first.image); };
  const auto two = [&] { return castTo<Common, Second, D>(second.image); };
  for (const std::string prefix : { "simpleitk.Add", "vox1.addition" })
    golden(prefix, { first, second }, [&] { return combine<itk::AddImageFilter<I>>(one(), two()); });
  for (const std::string prefix : { "simpleitk.Subtract", "vox1.subtraction" })
    golden(prefix, { first, second }, [&] { return combine<itk::SubtractImageFilter<I>>(one(), two()); });
  for (const std::string prefix : { "simpleitk.Multiply", "vox1.multiplication" })
    golden(prefix, { first, second }, [&] { return combine<itk::MultiplyImageFilter<I>>(one(), two()); });
  for (const std::string prefix : { "simpleitk.Divide", "vox1.division" })
    golden(prefix, { first, second }, [&] { return combine<itk::DivideImageFilter<I, I, I>>(one(), two()); });
}

template <class T, unsigned D>
void addAbs(const Input<Image<T, D>> & image)
{
  golden("vox1.abs", { image }, [&] {
    auto filter = itk::AbsImageFilter<Image<T, D>, Image<T, D>>::New();
    filter->SetInput(image.image);
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addMask(const Input<Image<T, D>> & image, const Input<Image<uint8_t, D>> & mask)
{
  golden("vox1.mask", { image, mask }, [&] {
    auto filter = itk::MaskImageFilter<Image<T, D>, Image<uint8_t, D>>::New();
    filter->SetInput(image.image);
    filter->SetMaskImage(mask.image);
    return run(filter.GetPointer());
  });
}

template <unsigned D>
void addLogic(const Input<Image<uint8_t, D>> & first, const Input<Image<uint8_t, D>> & second)
{
  using I = Image<uint8_t, D>;
  golden("vox1.and", { first, second }, [&] { return combine<itk::AndImageFilter<I>>(first.image, second.image); });
  golden("vox1.or", { first, second }, [&] { return combine<itk::OrImageFilter<I>>(first.image, second.image); });
  golden("vox1.xor_image", { first, second }, [&] {
    return combine<itk::XorImageFilter<I>>(first.image, second.image);
  });
  golden("vox1.not", { first }, [&] {
    auto filter = itk::NotImageFilter<I, I>::New();
    filter->SetInput(first.image);
    return run(filter.GetPointer());
  });
}
} // namespace

void addArithmetic()
{
  addType<uint8_t, 3>("W", "V", 200.7);
  addType<int8_t, 3>("W", "V", -3.5);
  addType<uint16_t, 3>("Q", "P", 60000);
  addType<int16_t, 3>("S", "P", 2.9);
  addType<uint32_t, 3>("W", "V", 4000000000);
  addType<int32_t, 3>("S", "P", -70000);
  addType<float, 3>("W", "P", 0.3);
  addType<double, 3>("W", "P", 0.3);
  addType<float, 3>("wild", "P", -2.5);
  addType<float, 2>("A", "B", 3);
  // What is as near to 0 as this counts as 0 in a division.
  each<float, 2>([&](const auto & operation) {
    operation.images(written<float, 2>({ 6, 1 }, { 1, -1, 2, 0, 3, -4 }),
                     written<float, 2>({ 6, 1 }, { 1e-8, 1e-8, 1.2e-8, 0, -1e-8, 1e-30 }));
    operation.constants(written<float, 2>({ 4, 1 }, { 0, 1, -1, 1e-9 }), 0);
  });
  each<double, 2>([&](const auto & operation) {
    operation.images(written<double, 2>({ 6, 1 }, { 1, -1, 2, 0, 3, -4 }),
                     written<double, 2>({ 6, 1 }, { 1e-17, 3e-17, 2e-17, 0, -1e-17, -3e-17 }));
  });
  each<int16_t, 2>([&](const auto & operation) {
    operation.constants(written<int16_t, 2>({ 5, 1 }, { 0, 7, -7, 3, -1 }), 0);
    operation.constants(written<int16_t, 2>({ 5, 1 }, { 0, 7, -7, 3, -1 }), 0.5);
  });
  addMixed<uint8_t, float, float, 3>("half", "A");
  addMixed<int16_t, uint8_t, float, 3>("W", "half");
  addMixed<int32_t, int16_t, double, 3>("S", "W");
  addMixed<float, double, double, 3>("A", "W");

  addAbs(input<int8_t, 3>("W", "row"));
  addAbs(input<uint8_t, 3>("W", "row"));
  addAbs(input<int16_t, 2>("W"));
  addAbs(input<int32_t, 3>("S", "row"));
  addAbs(input<float, 2>("W"));
  addAbs(input<float, 3>("wild", "row"));
  addAbs(input<double, 3>("W", "row"));

  addMask(input<float, 3>("A"), input<uint8_t, 3>("half"));
  addMask(input<float, 2>("wild"), input<uint8_t, 2>("sparse"));
  addMask(input<int16_t, 2>("W"), input<uint8_t, 2>("255"));
  addMask(input<double, 3>("W", "voxel"), input<uint8_t, 3>("none", "voxel"));
  addMask(input<uint8_t, 2>("W"), input<uint8_t, 2>("none"));
  addMask(input<uint8_t, 2>("W"), input<uint8_t, 2>("all"));

  addLogic<3>(input<uint8_t, 3>("half"), input<uint8_t, 3>("dense"));
  addLogic<2>(input<uint8_t, 2>("W"), input<uint8_t, 2>("V"));
  addLogic<2>(input<uint8_t, 2>("all"), input<uint8_t, 2>("none"));
  addLogic<3>(input<uint8_t, 3>("none", "voxel"), input<uint8_t, 3>("all", "voxel"));
}
