"""How to link gRPC's C core: statically, from the archives of Debian's libgrpc-dev and of the packages
it depends on. A call through the tables of a dynamic library costs little, but gRPC makes so many
that a bare RPC takes a sixth less without them. OpenSSL stays dynamic, so that a system's security
update of it reaches a server with the next start."""

_ABSEIL = [
    "bad_optional_access",
    "bad_variant_access",
    "base",
    "city",
    "civil_time",
    "cord",
    "cord_internal",
    "cordz_functions",
    "cordz_handle",
    "cordz_info",
    "debugging_internal",
    "demangle_internal",
    "exponential_biased",
    "graphcycles_internal",
    "hash",
    "hashtablez_sampler",
    "int128",
    "log_severity",
    "low_level_hash",
    "malloc_internal",
    "random_distributions",
    "random_internal_platform",
    "random_internal_pool_urbg",
    "random_internal_randen",
    "random_internal_randen_hwaes",
    "random_internal_randen_hwaes_impl",
    "random_internal_randen_slow",
    "random_internal_seed_material",
    "random_seed_gen_exception",
    "random_seed_sequences",
    "raw_hash_set",
    "raw_logging_internal",
    "spinlock_wait",
    "stacktrace",
    "status",
    "statusor",
    "str_format_internal",
    "strerror",
    "strings",
    "strings_internal",
    "symbolize",
    "synchronization",
    "throw_delegate",
    "time",
    "time_zone",
]

_LIBRARIES = ["grpc", "gpr", "upb", "address_sorting", "cares", "re2", "z"]

# The archives name one another in circles, which a group allows.
GRPC_LINKOPTS = (
    ["-Wl,--start-group"] +
    ["-l:lib%s.a" % name for name in _LIBRARIES] +
    ["-l:libabsl_%s.a" % name for name in _ABSEIL] +
    ["-Wl,--end-group", "-lssl", "-lcrypto", "-lstdc++", "-lm", "-lpthread"]
)
