"""Adds two vectors on the GPU: the driver's library compiles a kernel in PTX, and nothing of CUDA's toolkit is needed."""
import ctypes as c
import sys
import time

count = int(open(sys.argv[1]).read())
cuda = c.CDLL("libcuda.so.1")

def do(name, *arguments):
    status = getattr(cuda, name)(*arguments)
    if status:
        text = c.c_char_p()
        cuda.cuGetErrorString(status, c.byref(text))
        sys.exit(f"{name}: {status} {text.value}")

KERNEL = b"""
.version 7.0
.target sm_50
.address_size 64
.visible .entry add(.param .u64 a, .param .u64 b, .param .u32 n)
{
  .reg .pred %p<2>; .reg .b32 %r<6>; .reg .f32 %f<4>; .reg .b64 %d<8>;
  ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u32 %r1, [n];
  mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.u32 %p1, %r5, %r1;
  @%p1 bra END;
  cvta.to.global.u64 %d3, %d1; cvta.to.global.u64 %d4, %d2;
  mul.wide.u32 %d5, %r5, 4;
  add.s64 %d6, %d3, %d5; add.s64 %d7, %d4, %d5;
  ld.global.f32 %f1, [%d6]; ld.global.f32 %f2, [%d7];
  add.f32 %f3, %f1, %f2;
  st.global.f32 [%d6], %f3;
END:
  ret;
}
"""
begin = time.time()
do("cuInit", 0)
devices = c.c_int()
do("cuDeviceGetCount", c.byref(devices))
device, context, module, function = c.c_int(), c.c_void_p(), c.c_void_p(), c.c_void_p()
do("cuDeviceGet", c.byref(device), 0)
name = c.create_string_buffer(100)
do("cuDeviceGetName", name, 100, device)
do("cuCtxCreate_v2", c.byref(context), 0, device)
do("cuModuleLoadData", c.byref(module), KERNEL)
do("cuModuleGetFunction", c.byref(function), module, b"add")
Vector = c.c_float * count
a, b = Vector(*range(count)), Vector(*(2 * i for i in range(count)))
on = [c.c_uint64(), c.c_uint64()]
for place, vector in zip(on, (a, b)):
    do("cuMemAlloc_v2", c.byref(place), c.sizeof(Vector))
    do("cuMemcpyHtoD_v2", place, vector, c.sizeof(Vector))
number = c.c_uint32(count)
arguments = (c.c_void_p * 3)(*(c.addressof(x) for x in (*on, number)))
do("cuLaunchKernel", function, (count + 255) // 256, 1, 1, 256, 1, 1, 0, None, arguments, None)
do("cuCtxSynchronize")
do("cuMemcpyDtoH_v2", a, on[0], c.sizeof(Vector))
wrong = sum(a[i] != c.c_float(3 * i).value for i in range(count))
print(f"{count} numbers, {wrong} wrong, {devices.value} device, {name.value.decode()}")
print(f"{begin:.6f} {time.time():.6f}")
sys.exit(wrong != 0)
