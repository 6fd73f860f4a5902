"""The kinds of the Feature Pyramid Transformer's golden cases and what runs each."""

from lfp_tf.parity.fpt import detector, files, flags, heads, layers, segmentation

KINDS = {
    "layer_self": layers.layer_self,
    "layer_grounding": layers.layer_grounding,
    "layer_rendering": layers.layer_rendering,
    "attention_chunk": layers.attention_chunk,
    "dropblock": layers.dropblock,
    "fpt_block": layers.fpt_block,
    "parameter_count": detector.parameter_count,
    "forward_backbone": detector.forward_backbone,
    "head_box": heads.head_box,
    "head_mask": heads.head_mask,
    "segmentation_pyramid": segmentation.segmentation_pyramid,
    "schedule": flags.schedule,
    "config_flags": flags.config_flags,
    "checkpoint": files.checkpoint,
    "backbone_fpn_bfp": detector.base_pyramid,
}
