"""The PyTorch program of the attention benchmark: attention and FPT's layers, written plainly.

Spec: as of `attention_rival`; kind is `plain`, `sdpa` (`scaled_dot_product_attention`, a head a
part of the mixture) or `floor`. Maps are in channels-last order.
"""

import torch
from torch.nn import functional

from benchmarks import attention_inputs, drawn
from benchmarks.rivals import serve

# Of batch norm.
EPSILON, MOMENTUM = 1e-5, 0.1


def make(spec):
    """The facts and commands of `serve`."""
    torch.set_num_threads(len(spec["cores"]))
    # As TensorFlow does: many weights are that small, and a core is many times slower with them.
    torch.set_flush_denormal(True)
    call = {"attention": _attention, "layer": _layer}[spec["what"]](spec)
    return {}, attention_inputs.commands(call, lambda x: x.detach().numpy())


def plain(queries, keys, values, mixture, *, similarity, temperature):
    """The sum over parts of mixture_n softmax(s_n) V, with the matrices whole."""
    queries, keys = (_by_part(x, mixture.shape[-1]) for x in (queries, keys))
    scores = queries @ keys.transpose(-1, -2)
    if similarity == "euclidean":
        scores = 2 * scores - keys.square().sum(-1)[:, :, None]
    weights = torch.softmax(scores / temperature, -1)
    return (weights * mixture[:, :, None, None]).sum(1) @ values


def sdpa(queries, keys, values, mixture, *, similarity, temperature):
    """The same by the fused kernel, which never makes a matrix; it needs heads of one width."""
    parts = mixture.shape[-1]
    queries, keys = (_by_part(x, parts) for x in (queries, keys))
    if similarity == "euclidean":
        queries = torch.cat([2 * queries, torch.ones_like(queries[..., :1])], -1)
        keys = torch.cat([keys, -keys.square().sum(-1, keepdim=True)], -1)
    queries, keys = (
        functional.pad(x, [0, values.shape[-1] - x.shape[-1]]) for x in (queries, keys)
    )
    values = values[:, None].expand(-1, parts, -1, -1)
    heads = functional.scaled_dot_product_attention(queries, keys, values, scale=1 / temperature)
    return (heads * mixture[:, :, None, None]).sum(1)


FORMS = {"plain": plain, "sdpa": sdpa}


def _attention(spec):
    given = {name: torch.from_numpy(array) for name, array in attention_inputs.tensors(spec)}
    upstream = given.pop("upstream", None)
    names = ("queries", "keys", "values", "mixture")
    inputs = [given[name].requires_grad_(upstream is not None) for name in names]
    if spec["kind"] == "floor":
        shapes = [(1, spec["rows"], spec["values"])]
        shapes += [x.shape for x in inputs if upstream is not None]
        return lambda: [torch.rand(shape) for shape in shapes]
    form = FORMS[spec["kind"]]
    options = {name: spec[name] for name in ("similarity", "temperature")}

    def call():
        result = form(*inputs, **options)
        if upstream is None:
            return [result]
        return [result, *torch.autograd.grad(result, inputs, upstream)]

    return call


def _layer(spec):
    given = attention_inputs.maps(spec)
    maps = {n: torch.from_numpy(x).permute(0, 3, 1, 2) for n, x in given.items()}
    upstream = maps.pop("upstream")
    is_training = spec["mode"] == "gradients"
    layer = {"self": SelfTransformer, "grounding": Grounding, "rendering": Rendering}
    network = layer[spec["layer"]](spec["channels"], FORMS.get(spec["kind"]))
    _draw(network)
    network.to(memory_format=torch.channels_last).train(is_training)
    inputs = [x.requires_grad_(is_training) for x in maps.values()]

    def call():
        if not is_training:
            with torch.inference_mode():
                return [_last(network(*inputs))]
        result = network(*inputs)
        wanted = [*inputs, *network.parameters()]
        found = torch.autograd.grad(result, wanted, upstream)
        return [_last(x) for x in (result, *found[: len(inputs)])]

    return call


class SelfTransformer(torch.nn.Module):
    """The paper's, with the names of ours."""

    def __init__(self, channels, form):
        super().__init__()
        self.form = form
        for name in ("queries", "keys", "values"):
            setattr(self, name, torch.nn.Conv2d(channels, channels, 1))
        self.output = torch.nn.Conv2d(channels, channels, 1, bias=False)
        self.output_norm = torch.nn.BatchNorm2d(channels, EPSILON, MOMENTUM)
        self.table = torch.nn.Parameter(torch.empty(2, channels))

    def forward(self, x):
        """[B, C, H, W] of the same shape."""
        pooled = functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        queries = _rows(self.queries(x))
        keys, values = _rows(self.keys(pooled)), _rows(self.values(pooled))
        mixture = torch.softmax(keys.mean(1) @ self.table.T, -1)
        temperature = keys.shape[-1] ** 0.5
        y = self.form(queries, keys, values, mixture, similarity="dot", temperature=temperature)
        return self.output_norm(self.output(_map(y, x))) + x


class Grounding(torch.nn.Module):
    """The paper's, with the names of ours."""

    def __init__(self, channels, form):
        super().__init__()
        self.form, inner = form, channels // 2
        for name in ("queries", "keys", "values"):
            setattr(self, name, torch.nn.Conv2d(channels, inner, 1))
        self.output_conv = torch.nn.Conv2d(inner, channels, 1)
        self.output_norm = torch.nn.BatchNorm2d(channels, EPSILON, MOMENTUM)
        self.table = torch.nn.Parameter(torch.empty(4, inner))

    def forward(self, fine, coarse):
        """[B, C, H, W] of the fine map's size."""
        queries = _rows(self.queries(fine))
        keys, values = _rows(self.keys(coarse)), _rows(self.values(coarse))
        mixture = torch.softmax(keys.mean(1) @ self.table.T, -1)
        y = self.form(queries, keys, values, mixture, similarity="euclidean", temperature=1.0)
        return self.output_norm(self.output_conv(_map(y, fine)))


class Rendering(torch.nn.Module):
    """The paper's, with the names of ours."""

    def __init__(self, channels, _):
        super().__init__()
        for name, stride in (("coarse", 1), ("fine", 2), ("output", 1)):
            convolution = torch.nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
            setattr(self, f"{name}_conv", convolution)
            setattr(self, f"{name}_norm", torch.nn.BatchNorm2d(channels, EPSILON, MOMENTUM))

    def forward(self, coarse, fine):
        """[B, C, h, w] of the coarse map's size."""
        refined = self.coarse_norm(self.coarse_conv(coarse * fine.mean([2, 3], keepdim=True)))
        total = refined + self.fine_norm(self.fine_conv(fine))
        return functional.relu(self.output_norm(self.output_conv(total)))


def _draw(network):
    """Gives a network the weights of ours."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if not drawn.is_counter(name):
                array = attention_inputs.layer_weight(name, tuple(value.shape), drawn.weight)
                value.copy_(torch.from_numpy(array))


def _by_part(x, parts):
    """[B, N, D] to [B, P, N, D / P]."""
    return x.unflatten(-1, (parts, -1)).transpose(1, 2)


def _rows(x):
    """[B, C, H, W] to [B, H W, C]."""
    return x.flatten(2).transpose(1, 2)


def _map(rows, like):
    return rows.transpose(1, 2).unflatten(2, like.shape[2:])


def _last(x):
    return x.permute(0, 2, 3, 1)


if __name__ == "__main__":
    serve(make)
