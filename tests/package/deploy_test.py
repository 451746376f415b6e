"""config/deploy: the image, Compose and Kubernetes agree with one another, with the package and with the command's options."""

import pathlib
import re
import signal
import subprocess

import yaml

from client import REELRANK, TIMEOUT, command, equal
from runner import case, run

DEPLOY = pathlib.Path("config/deploy")
PORT = 7070


def containerfile():
    """The instructions of the last stage: (name, words)."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [line.split(None, 1) for line in text.split("\nFROM ")[-1].splitlines()[1:] if line]


def instruction(name):
    [value] = [words for key, words in containerfile() if key == name]
    return value


def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["reelrank"]


def objects():
    return {part["kind"]: part for part in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())}


def pod():
    return objects()["StatefulSet"]["spec"]["template"]["spec"]


def container():
    [only] = pod()["containers"]
    return only


def values(text):
    """The options of a configuration file."""
    return dict(re.findall(r"^([a-z-]+) = (.*)$", text, re.M))


def confs():
    return [(DEPLOY / "reelrank.conf").read_text(), objects()["ConfigMap"]["data"]["reelrank.conf"]]


def serves(place, conf):
    """A server takes this configuration, but with a place and a port of its own."""
    (place / "r.conf").write_text(conf)
    process = subprocess.Popen([REELRANK, "serve", "--config", place / "r.conf", "--listen", "127.0.0.1:0", "--data", place / "data",
                                "--weights", "config/weights.yaml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = process.stdout.readline().decode()
    process.send_signal(signal.SIGTERM)
    log = process.communicate(timeout=TIMEOUT)[1].decode()
    assert first.startswith("listening on ") and process.returncode == 0, log


@case
def a_server_takes_each_configuration(place):
    for conf in confs():
        serves(place, conf)


@case
def all_listen_on_one_port_beyond_loopback(place):
    for conf in confs():
        equal("0.0.0.0:%d" % PORT, values(conf)["listen"])
    equal(str(PORT), instruction("EXPOSE"))
    equal(["127.0.0.1:%d:%d" % (PORT, PORT)], compose()["ports"])
    [port] = container()["ports"]
    equal(PORT, port["containerPort"])
    [service] = objects()["Service"]["spec"]["ports"]
    equal((PORT, port["name"]), (service["port"], service["targetPort"]))
    equal(port["name"], objects()["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"])
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"]:
        equal({"port": PORT}, container()[probe]["grpc"])


@case
def data_are_below_a_volume_and_weights_where_they_are_mounted(place):
    [of_image, of_pod] = map(values, confs())
    equal("/var/lib/reelrank", instruction("VOLUME"))
    equal("/var/lib/reelrank/data", of_image["data"])
    mounts = dict(mount.split(":")[:2] for mount in compose()["volumes"])
    equal("/var/lib/reelrank", mounts["data"])
    equal(of_image["weights"], mounts["../weights.yaml"])
    assert (DEPLOY / "../weights.yaml").resolve().exists()
    equal("/etc/reelrank/reelrank.conf", mounts["./reelrank.conf"])
    paths = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    equal(paths["data"] + "/data", of_pod["data"])
    equal(paths["weights"] + "/weights.yaml", of_pod["weights"])
    equal(["serve", "--config", paths["conf"] + "/reelrank.conf"], container()["args"])


@case
def every_volume_is_mounted_and_every_mount_has_a_volume(place):
    names = [volume["name"] for volume in pod()["volumes"]]
    names += [claim["metadata"]["name"] for claim in objects()["StatefulSet"]["spec"]["volumeClaimTemplates"]]
    equal(sorted(names), sorted(mount["name"] for mount in container()["volumeMounts"]))


@case
def commands_are_those_that_the_program_has(place):
    equal('["reelrank"]', instruction("ENTRYPOINT"))
    equal('["serve", "--config", "/etc/reelrank/reelrank.conf"]', instruction("CMD"))
    check = yaml.safe_load(instruction("HEALTHCHECK").split("CMD ")[1])
    words = set(re.findall(r"--[a-z-]+", " ".join(check)))
    assert check[0] == "reelrank" and words <= set(re.findall(r"--[a-z-]+", command(0, "help", check[1])[0])), check
    equal("127.0.0.1:%d" % PORT, check[-1])
    assert "./dev package /packages" in (DEPLOY / "Containerfile").read_text()


@case
def nobody_is_root(place):
    user, group = instruction("USER").split(":")
    made = " ".join(words for key, words in containerfile() if key == "RUN")
    assert "--uid %s --gid %s" % (user, group) in made and "groupadd --system --gid %s" % group in made, made
    context = pod()["securityContext"]
    equal((int(user), int(group), int(group)), (context["runAsUser"], context["runAsGroup"], context["fsGroup"]))
    assert context["runAsNonRoot"] and not container()["securityContext"]["allowPrivilegeEscalation"]
    equal(["ALL"], container()["securityContext"]["capabilities"]["drop"])
    equal(["ALL"], compose()["cap_drop"])


@case
def a_stop_has_the_time_to_drain(place):
    example = command(0, "help", "--example-config")[0]
    drain_s = int(re.search(r"^#drain-ms = (\d+)$", example, re.M).group(1)) / 1000
    equal("SIGTERM", instruction("STOPSIGNAL"))
    assert pod()["terminationGracePeriodSeconds"] > drain_s
    equal("2m", compose()["stop_grace_period"])


@case
def selectors_find_the_pods(place):
    labels = objects()["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    for selector in [objects()["Service"]["spec"]["selector"], objects()["StatefulSet"]["spec"]["selector"]["matchLabels"],
                     objects()["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
                     objects()["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]]:
        equal(labels, selector)
    equal(objects()["Service"]["metadata"]["name"], objects()["StatefulSet"]["spec"]["serviceName"])


run()
