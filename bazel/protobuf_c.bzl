"""protobuf_c_library: C messages by protoc-c, and the files' descriptors embedded as bytes."""

def protobuf_c_library(name, srcs, visibility):
    """Generates X.pb-c.[ch] for each X.proto, included by their path under this package.

    Also generates <name>_descriptors.[ch]: the serialised google.protobuf.FileDescriptorSet of all
    srcs as `const unsigned char <name>_descriptors[]` and `const size_t <name>_descriptors_size`.
    """
    sources = [s.replace(".proto", ".pb-c.c") for s in srcs]
    headers = [s.replace(".proto", ".pb-c.h") for s in srcs]
    array = name + "_descriptors"
    native.genrule(
        name = name + "_generate",
        srcs = srcs,
        outs = sources + headers + [array + ".bin"],
        cmd = "cd %s; protoc-c --c_out=$$OLDPWD/$(RULEDIR) --include_imports --descriptor_set_out=$$OLDPWD/$(location %s.bin) %s" %
              (native.package_name(), array, " ".join(srcs)),
    )
    native.genrule(
        name = name + "_embed",
        srcs = [array + ".bin"],
        outs = [array + ".c", array + ".h"],
        cmd = """{{
            echo '#include "{array}.h"'
            echo 'const unsigned char {array}[] = {{'
            od -An -v -tx1 $(location {array}.bin) | sed 's/ \\([0-9a-f][0-9a-f]\\)/0x\\1,/g'
            echo '}};'
            echo 'const size_t {array}_size = sizeof({array});'
        }} > $(location {array}.c)
        {{
            echo '#include <stddef.h>'
            echo 'extern const unsigned char {array}[];'
            echo 'extern const size_t {array}_size;'
        }} > $(location {array}.h)""".format(array = array),
    )
    native.cc_library(
        name = name,
        srcs = sources + [array + ".c"],
        hdrs = headers + [array + ".h"],
        includes = ["."],
        copts = ["-std=c11", "-w"],
        visibility = visibility,
        deps = ["//bazel:protobuf_c"],
    )
