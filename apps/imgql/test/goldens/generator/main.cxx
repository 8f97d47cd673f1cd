// Writes the golden results of ITK: goldens CALLS FILES
#include <exception>
#include <iostream>
#include <string>

#include <itkMultiThreaderBase.h>
#include <itkObject.h>

#include "golden.h"

void addAgreement();
void addArithmetic();
void addBias();
void addColored();
void addComparisons();
void addComponents();
void addFiles(const std::string & folder);
void addGeometry();
void addMorphology();
void addPictures();
void addPointwise();
void addSmoothing();
void addValues();

int main(int count, char ** arguments)
{
  if (count != 3)
  {
    std::cerr << "usage: goldens CALLS FILES" << std::endl;
    return 2;
  }
  // Sums over threads would come in any order.
  itk::MultiThreaderBase::SetGlobalMaximumNumberOfThreads(1);
  itk::MultiThreaderBase::SetGlobalDefaultNumberOfThreads(1);
  itk::Object::GlobalWarningDisplayOff();
  try
  {
    addAgreement();
    addArithmetic();
    addBias();
    addColored();
    addComparisons();
    addComponents();
    addFiles(arguments[2]);
    addGeometry();
    addMorphology();
    addPictures();
    addPointwise();
    addSmoothing();
    addValues();
    writeGoldens(arguments[1]);
  }
  catch (const std::exception & error)
  {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  return 0;
}
