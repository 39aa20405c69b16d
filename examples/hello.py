"""The smallest program: make a kernel, run code on it, look at the answer.

Needs a server: 'kernelyard serve' in another terminal, or KERNELYARD_URL and KERNELYARD_TOKEN.
"""

from kernelyard import Client

with Client() as yard, yard.kernels.create(image="python3") as kernel:
    result = kernel.run("print('hello from', __import__('os').getcwd()); 6 * 7")

print(result.stdout, end="")
print("the last line was worth", result.results[0].text)
