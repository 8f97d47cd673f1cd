// Flat pictures and shapes on them, by ITK's spatial objects: a voxel is of a shape if its center lies inside. Centers that
// lie on an edge belong to no object of ITK, and to shapes of imgql; so no case has one.
#include <cmath>

#include <itkEllipseSpatialObject.h>
#include <itkImageRegionIteratorWithIndex.h>
#include <itkPolygonSpatialObject.h>

#include "golden.h"

namespace
{
using Point = itk::Point<double, 2>;

template <class T, class Object>
typename Image<T, 2>::Pointer draw(const Image<T, 2> * image, const Object * object, double value)
{
  auto drawn = Image<T, 2>::New();
  drawn->CopyInformation(image);
  drawn->SetRegions(image->GetLargestPossibleRegion());
  drawn->Allocate();
  itk::ImageRegionIteratorWithIndex<Image<T, 2>> at(drawn, drawn->GetLargestPossibleRegion());
  for (; !at.IsAtEnd(); ++at)
  {
    // Places and lengths are in voxels.
    Point center;
    center[0] = static_cast<double>(at.GetIndex()[0]);
    center[1] = static_cast<double>(at.GetIndex()[1]);
    at.Set(object->IsInsideInWorldSpace(center) ? static_cast<T>(value) : image->GetPixel(at.GetIndex()));
  }
  return drawn;
}

template <class T>
void addCircle(const Input<Image<T, 2>> & image, double x, double y, double radius, double value)
{
  golden("geom.circle", { image, x, y, radius, value }, [&] {
    auto  circle = itk::EllipseSpatialObject<2>::New();
    Point center;
    center[0] = x;
    center[1] = y;
    circle->SetCenterInObjectSpace(center);
    circle->SetRadiusInObjectSpace(radius);
    circle->Update();
    return draw<T>(image.image, circle.GetPointer(), value);
  });
}

template <class T>
void addPolygon(const Input<Image<T, 2>> & image, double x, double y, double radius, unsigned sides, double value)
{
  golden("geom.regular_polygon", { image, x, y, radius, sides, value }, [&] {
    using Polygon = itk::PolygonSpatialObject<2>;
    auto                               polygon = Polygon::New();
    typename Polygon::PolygonPointListType corners;
    for (unsigned corner = 0; corner < sides; ++corner)
    {
      // The first lies straight to the left.
      const double angle = itk::Math::pi + 2 * itk::Math::pi * corner / sides;
      Point        place;
      place[0] = x + radius * std::cos(angle);
      place[1] = y + radius * std::sin(angle);
      typename Polygon::PolygonPointType point;
      point.SetPositionInObjectSpace(place);
      corners.push_back(point);
    }
    polygon->SetPoints(corners);
    polygon->SetIsClosed(true);
    polygon->Update();
    return draw<T>(image.image, polygon.GetPointer(), value);
  });
}

template <unsigned>
void addBlank(unsigned width, unsigned height, double value)
{
  golden("geom.blank", { width, height, value }, [&] {
    auto                        image = Image<float, 2>::New();
    Image<float, 2>::SizeType size{ { width, height } };
    image->SetRegions(size);
    image->Allocate();
    image->FillBuffer(static_cast<float>(value));
    return Image<float, 2>::Pointer(image);
  });
}
} // namespace

void addPictures()
{
  addBlank<2>(5, 3, 0.1);
  addBlank<2>(1, 1, -7);
  addBlank<2>(4, 1, 1e10);

  addCircle(input<float, 2>("A"), 4.3, 3.2, 2.6, 5);
  addCircle(input<float, 2>("A", "fine-2d"), 6.5, 6.25, 4.9, -1.5);
  addCircle(input<uint8_t, 2>("W"), 0, 0, 3.3, 200);
  addCircle(input<int16_t, 2>("W"), 8, 7, 0.4, -9);
  addCircle(input<uint8_t, 2>("half"), -2.5, 3, 4.1, 1);
  addCircle(input<uint8_t, 2>("none"), 4, 4, 40, 1);
  addCircle(input<float, 2>("A"), 90, 90, 2, 1);
  addCircle(input<uint8_t, 2>("none", "dot"), 0, 0, 0.5, 1);
  addCircle(input<float, 2>("A", "column"), 0.2, 4, 2.6, 3);
  addCircle(input<float, 2>("wild"), 4.3, 3.2, 2.6, 5);

  for (const unsigned sides : { 3u, 4u, 5u, 6u, 7u, 12u })
  {
    addPolygon(input<float, 2>("A"), 4.31, 3.23, 3.1, sides, 5);
    addPolygon(input<uint8_t, 2>("none", "fine-2d"), 6.47, 6.12, 6.3, sides, 255);
  }
  addPolygon(input<int16_t, 2>("W"), 0.13, 0.21, 4.4, 5, -9);
  addPolygon(input<float, 2>("A"), 90.1, 90.2, 2, 3, 1);
  addPolygon(input<uint8_t, 2>("none"), 4.1, 3.2, 60, 4, 1);
  addPolygon(input<uint8_t, 2>("none", "dot"), 0.01, 0.02, 0.5, 3, 1);
}
