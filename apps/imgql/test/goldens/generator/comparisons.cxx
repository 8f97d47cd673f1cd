// Comparisons of both kinds, and thresholds.
#include <itkAndImageFilter.h>
#include <itkBinaryFunctorImageFilter.h>
#include <itkBinaryThresholdImageFilter.h>
#include <itkLogicOpsFunctors.h>

#include "golden.h"

namespace
{
template <unsigned D>
using Mask = Image<uint8_t, D>;

template <class Functor, class T, unsigned D>
auto makeFilter()
{
  auto filter = itk::BinaryFunctorImageFilter<Image<T, D>, Image<T, D>, Mask<D>, Functor>::New();
  filter->GetFunctor().SetForegroundValue(1);
  filter->GetFunctor().SetBackgroundValue(0);
  return filter;
}

template <class Functor, class T, unsigned D>
void addRelation(const std::string &        name,
                 const Input<Image<T, D>> & first,
                 const Input<Image<T, D>> & second,
                 double                     constant)
{
  const T cast = static_cast<T>(constant);
  golden("vox1." + name, { first, second }, [&] {
    auto filter = makeFilter<Functor, T, D>();
    filter->SetInput1(first.image);
    filter->SetInput2(second.image);
    return run(filter.GetPointer());
  });
  golden("vox1." + name, { first, constant }, [&] {
    auto filter = makeFilter<Functor, T, D>();
    filter->SetInput1(first.image);
    filter->SetConstant2(cast);
    return run(filter.GetPointer());
  });
  golden("vox1." + name, { constant, first }, [&] {
    auto filter = makeFilter<Functor, T, D>();
    filter->SetConstant1(cast);
    filter->SetInput2(first.image);
    return run(filter.GetPointer());
  });
}

// The image at the left of the relation, though it is the second argument.
template <class Functor, class T, unsigned D>
void addNumberFirst(const std::string & name, const Input<Image<T, D>> & image, double constant)
{
  golden("vox1." + name, { constant, image }, [&] {
    auto filter = makeFilter<Functor, T, D>();
    filter->SetInput1(image.image);
    filter->SetConstant2(static_cast<T>(constant));
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addBetween(const Input<Image<T, D>> & image, double low, double high)
{
  golden("vox1.between", { low, high, image }, [&] {
    auto above = makeFilter<itk::Functor::GreaterEqual<T, T, uint8_t>, T, D>();
    above->SetInput1(image.image);
    above->SetConstant2(static_cast<T>(low));
    auto below = makeFilter<itk::Functor::LessEqual<T, T, uint8_t>, T, D>();
    below->SetInput1(image.image);
    below->SetConstant2(static_cast<T>(high));
    auto both = itk::AndImageFilter<Mask<D>, Mask<D>, Mask<D>>::New();
    both->SetInput1(above->GetOutput());
    both->SetInput2(below->GetOutput());
    return run(both.GetPointer());
  });
}

template <class T, unsigned D>
void addThreshold(const Input<Image<T, D>> & image, double lower, double upper, int inside = 1, int outside = 0)
{
  golden("simpleitk.BinaryThreshold", { image, lower, upper, inside, outside }, [&] {
    auto filter = itk::BinaryThresholdImageFilter<Image<T, D>, Mask<D>>::New();
    filter->SetInput(image.image);
    filter->SetLowerThreshold(static_cast<T>(lower));
    filter->SetUpperThreshold(static_cast<T>(upper));
    filter->SetInsideValue(static_cast<uint8_t>(inside));
    filter->SetOutsideValue(static_cast<uint8_t>(outside));
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addAll(const Input<Image<T, D>> & first, const Input<Image<T, D>> & second, double constant, double high)
{
  addRelation<itk::Functor::Equal<T, T, uint8_t>>("==", first, second, constant);
  addRelation<itk::Functor::NotEqual<T, T, uint8_t>>("!=", first, second, constant);
  addRelation<itk::Functor::Less<T, T, uint8_t>>("<", first, second, constant);
  addRelation<itk::Functor::LessEqual<T, T, uint8_t>>("<=", first, second, constant);
  addRelation<itk::Functor::Greater<T, T, uint8_t>>(">", first, second, constant);
  addRelation<itk::Functor::GreaterEqual<T, T, uint8_t>>(">=", first, second, constant);
  addNumberFirst<itk::Functor::Equal<T, T, uint8_t>>("eq_sv", first, constant);
  addNumberFirst<itk::Functor::GreaterEqual<T, T, uint8_t>>("geq_sv", first, constant);
  addNumberFirst<itk::Functor::LessEqual<T, T, uint8_t>>("leq_sv", first, constant);
  addBetween(first, constant, high);
  addThreshold(first, constant, high);
}
} // namespace

void addComparisons()
{
  addAll(input<float, 2>("Q"), input<float, 2>("P"), 3, 5);
  addAll(input<uint8_t, 3>("Q", "row"), input<uint8_t, 3>("P", "row"), 2.5, 5.5);
  addAll(input<int8_t, 3>("W", "row"), input<int8_t, 3>("V", "row"), -20.5, 60);
  addAll(input<uint16_t, 3>("W", "row"), input<uint16_t, 3>("V", "row"), 20000, 50000.5);
  addAll(input<int16_t, 3>("S", "row"), input<int16_t, 3>("P", "row"), -1.5, 2.5);
  addAll(input<uint32_t, 3>("W", "row"), input<uint32_t, 3>("V", "row"), 3000000000, 4000000000);
  addAll(input<int32_t, 3>("W", "row"), input<int32_t, 3>("V", "row"), -1000000000, 1500000000);
  addAll(input<float, 3>("wild"), input<float, 3>("wild"), 0.5, 0.75);
  addAll(input<double, 2>("W"), input<double, 2>("V"), -100.5, 100);
  addAll(input<float, 3>("A", "voxel"), input<float, 3>("B", "voxel"), 0.5, 1);
  addBetween(input<float, 2>("Q"), 5, 3);
  addThreshold(input<float, 2>("Q"), 3, 5, 255, 7);
  addThreshold(input<float, 2>("Q"), 5, 3);
  addThreshold(input<float, 2>("wild"), -1e30, 1e30);
}
