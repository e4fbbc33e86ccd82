"""The figures of the paper (InGAN, ICCV 2019), each as a sheet of pictures and a file of numbers."""
