"""c_tests: one cc_test for each name, from NAME.c."""

load("//bazel:copts.bzl", "C11")

def c_tests(names, deps, data = [], size = "small", tags = []):
    for name in names:
        native.cc_test(
            name = name,
            size = size,
            srcs = [name + ".c"],
            copts = C11,
            data = data,
            tags = tags,
            deps = ["//tests:test"] + deps,
        )
