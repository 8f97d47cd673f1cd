// SimpleITK's functions of each voxel alone, its comparisons, and its logic.
#include <itkAbsImageFilter.h>
#include <itkAndImageFilter.h>
#include <itkBinaryFunctorImageFilter.h>
#include <itkExpImageFilter.h>
#include <itkLogImageFilter.h>
#include <itkLogicOpsFunctors.h>
#include <itkMaskImageFilter.h>
#include <itkMaximumImageFilter.h>
#include <itkMinimumImageFilter.h>
#include <itkNotImageFilter.h>
#include <itkOrImageFilter.h>
#include <itkSqrtImageFilter.h>
#include <itkSquareImageFilter.h>
#include <itkUnaryFunctorImageFilter.h>
#include <itkXorImageFilter.h>

#include "golden.h"

namespace
{
template <class Functor, class T, unsigned D>
void addRelation(const std::string &        name,
                 const Input<Image<T, D>> & first,
                 const Input<Image<T, D>> & second,
                 double                     constant)
{
  const auto make = [&] {
    auto filter = itk::BinaryFunctorImageFilter<Image<T, D>, Image<T, D>, Image<uint8_t, D>, Functor>::New();
    filter->GetFunctor().SetForegroundValue(1);
    filter->GetFunctor().SetBackgroundValue(0);
    filter->SetInput1(first.image);
    return filter;
  };
  golden("simpleitk." + name, { first, second }, [&] {
    auto filter = make();
    filter->SetInput2(second.image);
    return run(filter.GetPointer());
  });
  golden("simpleitk." + name, { first, constant }, [&] {
    auto filter = make();
    filter->SetConstant2(static_cast<T>(constant));
    return run(filter.GetPointer());
  });
}

template <class Filter, class T, unsigned D>
void addChoice(const std::string &        name,
               const Input<Image<T, D>> & first,
               const Input<Image<T, D>> & second,
               double                     constant)
{
  golden("simpleitk." + name, { first, second }, [&] {
    auto filter = Filter::New();
    filter->SetInput1(first.image);
    filter->SetInput2(second.image);
    return run(filter.GetPointer());
  });
  golden("simpleitk." + name, { first, constant }, [&] {
    auto filter = Filter::New();
    filter->SetInput1(first.image);
    filter->SetConstant2(static_cast<T>(constant));
    return run(filter.GetPointer());
  });
}

template <class T, unsigned D>
void addPair(const Input<Image<T, D>> & first, const Input<Image<T, D>> & second, double constant)
{
  using I = Image<T, D>;
  addRelation<itk::Functor::Equal<T, T, uint8_t>>("Equal", first, second, constant);
  addRelation<itk::Functor::NotEqual<T, T, uint8_t>>("NotEqual", first, second, constant);
  addRelation<itk::Functor::Less<T, T, uint8_t>>("Less", first, second, constant);
  addRelation<itk::Functor::LessEqual<T, T, uint8_t>>("LessEqual", first, second, constant);
  addRelation<itk::Functor::Greater<T, T, uint8_t>>("Greater", first, second, constant);
  addRelation<itk::Functor::GreaterEqual<T, T, uint8_t>>("GreaterEqual", first, second, constant);
  addChoice<itk::MinimumImageFilter<I, I, I>>("Minimum", first, second, constant);
  addChoice<itk::MaximumImageFilter<I, I, I>>("Maximum", first, second, constant);
}

template <class Filter, class T, unsigned D>
void addFunction(const std::string & name, const Input<Image<T, D>> & image)
{
  golden("simpleitk." + name, { image }, [&] {
    auto filter = Filter::New();
    filter->SetInput(image.image);
    return run(filter.GetPointer());
  });
}

template <class T>
struct Negate
{
  T    operator()(const T & value) const { return static_cast<T>(-value); }
  bool operator==(const Negate &) const { return true; }
  bool operator!=(const Negate &) const { return false; }
};

template <class T, unsigned D>
void addFunctions(const Input<Image<T, D>> & image, bool isPositive)
{
  using I = Image<T, D>;
  addFunction<itk::SquareImageFilter<I, I>>("Square", image);
  addFunction<itk::AbsImageFilter<I, I>>("Abs", image);
  addFunction<itk::UnaryFunctorImageFilter<I, I, Negate<T>>>("UnaryMinus", image);
  if (isPositive || std::is_floating_point<T>::value)
  {
    addFunction<itk::SqrtImageFilter<I, I>>("Sqrt", image);
    addFunction<itk::ExpImageFilter<I, I>>("Exp", image);
  }
  if (std::is_floating_point<T>::value)
  {
    addFunction<itk::LogImageFilter<I, I>>("Log", image);
  }
}

template <class T, unsigned D>
void addLogic(const Input<Image<T, D>> & first, const Input<Image<T, D>> & second)
{
  using I = Image<T, D>;
  const auto both = [&](auto filter) {
    filter->SetInput1(first.image);
    filter->SetInput2(second.image);
    return run(filter.GetPointer());
  };
  golden("simpleitk.And", { first, second }, [&] { return both(itk::AndImageFilter<I>::New()); });
  golden("simpleitk.Or", { first, second }, [&] { return both(itk::OrImageFilter<I>::New()); });
  golden("simpleitk.Xor", { first, second }, [&] { return both(itk::XorImageFilter<I>::New()); });
  addFunction<itk::NotImageFilter<I, I>>("Not", first);
}

template <class T, unsigned D>
void addMask(const Input<Image<T, D>> & image, const Input<Image<uint8_t, D>> & mask)
{
  golden("simpleitk.Mask", { image, mask }, [&] {
    auto filter = itk::MaskImageFilter<Image<T, D>, Image<uint8_t, D>>::New();
    filter->SetInput(image.image);
    filter->SetMaskImage(mask.image);
    return run(filter.GetPointer());
  });
}
} // namespace

void addPointwise()
{
  addPair(input<float, 2>("Q"), input<float, 2>("P"), 3);
  addPair(input<uint8_t, 3>("Q", "row"), input<uint8_t, 3>("P", "row"), 2.5);
  addPair(input<int16_t, 3>("S", "row"), input<int16_t, 3>("P", "row"), -1.5);
  addPair(input<uint32_t, 3>("W", "row"), input<uint32_t, 3>("V", "row"), 3000000000);
  addPair(input<double, 3>("W", "row"), input<double, 3>("V", "row"), -100.5);
  addPair(input<float, 3>("wild", "row"), input<float, 3>("B", "row"), 0.5);
  addPair(input<float, 3>("B", "row"), input<float, 3>("wild", "row"), 0.5);

  addFunctions(input<float, 2>("A"), true);
  addFunctions(input<float, 3>("S", "row"), false);
  addFunctions(input<float, 3>("wild", "row"), false);
  addFunctions(input<double, 3>("A", "row"), true);
  addFunctions(input<uint8_t, 2>("P"), true);
  addFunctions(input<int16_t, 2>("S"), false);
  addFunctions(input<int32_t, 2>("Q"), true);

  addLogic(input<uint8_t, 2>("W"), input<uint8_t, 2>("V"));
  addLogic(input<uint8_t, 3>("half"), input<uint8_t, 3>("dense"));
  addLogic(input<int16_t, 3>("W", "row"), input<int16_t, 3>("V", "row"));
  addLogic(input<uint32_t, 3>("W", "row"), input<uint32_t, 3>("V", "row"));
  addLogic(input<uint16_t, 3>("P", "row"), input<uint16_t, 3>("Q", "row"));

  addMask(input<float, 3>("A"), input<uint8_t, 3>("half"));
  addMask(input<int16_t, 2>("W"), input<uint8_t, 2>("255"));
  addMask(input<double, 3>("wild", "row"), input<uint8_t, 3>("half", "row"));
}
