# -ffp-contract=off: a fused multiply-add rounds once where the sources say twice, so scores would
# differ between machines and compilers.
C11 = [
    "-std=c11",
    "-D_DEFAULT_SOURCE",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wvla",
    "-Wformat=2",
    "-Wundef",
    "-Werror",
]
