"""The PyTorch program of the network benchmarks: `serve` over one of the networks `torch_*`.

Spec: network (`deeplab`, for inference; `classifier`, with pyramid and resize; `hourglass`, with
stacks, features and pyramid; anything else is PSPNet), mode (`inference`, `training`), dtype,
depth, width, classes, batch, size; perhaps device (`cpu`, `cuda`), tf32, compile, dropout, drawn
(whether weights are the frozen generator's).
"""

import contextlib
import time

_BEGIN = time.perf_counter()

import numpy as np  # noqa: E402
import torch  # noqa: E402

from benchmarks import drawn, torch_deeplab, torch_hourglass, torch_lfp, torch_pspnet  # noqa: E402
from benchmarks.rivals import serve, timed  # noqa: E402

_IMPORTED = time.perf_counter()
HEAD_RATE, RATE, MOMENTUM, DECAY = 0.1, 0.01, 0.9, 1e-4


def make(spec):
    """The facts and commands of `serve`."""
    torch.set_num_threads(len(spec["cores"]))
    device = torch.device(spec.get("device", "cpu"))
    on_cuda = device.type == "cuda"
    if on_cuda:
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = spec["tf32"]
    built = time.perf_counter()
    network = _network(spec, device)
    call = _training(spec, network, device) if spec["mode"] == "training" else None
    call = call or _inference(spec, network, device)
    built, first = time.perf_counter() - built, time.perf_counter()
    outputs = call()
    _wait(on_cuda)
    facts = {
        "seconds": {
            "import": _IMPORTED - _BEGIN,
            "build": built,
            "first call": time.perf_counter() - first,
        },
        "versions": {"torch": torch.__version__},
        "device": torch.cuda.get_device_name() if on_cuda else "cpu",
    }
    outputs = outputs.detach().float().cpu().numpy()

    def measure(calls=1):
        def all_calls():
            for _ in range(calls):
                call()
            _wait(on_cuda)

        seconds = timed(all_calls)
        return {name: value / calls for name, value in seconds.items()}

    def save(path):
        # The first call's: the weights were as drawn.
        np.save(path, outputs if outputs.ndim < 4 else outputs.transpose(0, 2, 3, 1))
        return {}

    def memory():
        return {"peak_bytes": torch.cuda.max_memory_allocated() if on_cuda else None}

    return facts, {"measure": measure, "outputs": save, "memory": memory}


def _network(spec, device):
    def options(*names):
        return {name: spec[name] for name in names}

    sizes, kind = ("depth", "classes", "width"), spec.get("network")
    if kind == "deeplab":
        network = torch_deeplab.DeepLabV2(**options(*sizes, "scales"))
    elif kind == "classifier":
        network = torch_lfp.LFPClassifier(**options(*sizes, "pyramid", "resize"))
    elif kind == "hourglass":
        network = torch_hourglass.Hourglass(**options("classes", "stacks", "features", "pyramid"))
    else:
        network = torch_pspnet.PSPNet(**options(*sizes), dropout=spec.get("dropout", 0.1))
    if spec.get("drawn", True):
        state = {
            name: torch.from_numpy(drawn.weight(name, tuple(value.shape)))
            for name, value in network.state_dict().items()
            if not drawn.is_counter(name)
        }
        network.load_state_dict(state, strict=False)
    return network.to(device, memory_format=torch.channels_last)


def _tensors(spec, device):
    images = torch.from_numpy(drawn.images(spec["batch"], spec["size"])).permute(0, 3, 1, 2)
    labels = torch.from_numpy(drawn.targets(spec))
    labels = labels.permute(0, 3, 1, 2) if labels.is_floating_point() else labels.long()
    return images.to(device, memory_format=torch.channels_last), labels.to(device)


def _precision(spec, device):
    if spec["dtype"] == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def _inference(spec, network, device):
    images, _ = _tensors(spec, device)
    network.eval()
    forward = torch.compile(network) if spec.get("compile") else network

    def call():
        with torch.inference_mode(), _precision(spec, device):
            found = forward(images)
            return found[-1] if isinstance(found, list) else found

    return call


def _training(spec, network, device):
    images, labels = _tensors(spec, device)
    network.train()
    recipes = {"classifier": torch_lfp, "hourglass": torch_hourglass}
    recipe = recipes.get(spec.get("network"))
    optimizer = recipe.optimizer(network) if recipe else _optimizer(network)
    loss = (recipe or torch_pspnet).loss
    forward = torch.compile(network) if spec.get("compile") else network

    def call():
        with _precision(spec, device):
            value = loss(forward(images), labels)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return value

    return call


def _optimizer(network):
    """PSPNet's: ten times the rate for its heads."""
    heads = ("ppm", "cls", "aux")
    groups = [
        {"params": list(part.parameters()), "lr": HEAD_RATE if name in heads else RATE}
        for name, part in network.named_children()
    ]
    return torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)


def _wait(on_cuda):
    if on_cuda:
        torch.cuda.synchronize()


if __name__ == "__main__":
    serve(make)
