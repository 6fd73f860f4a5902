"""Tiny trees of images and labels, as data sets lay them out, and what a plan makes of them."""

import importlib.resources
import json

import numpy as np
import scipy.io
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.example import decode_example, encode_example
from lfp_tf.data.tfrecord import frame
from lfp_tf.images.decode import encode_png, read_image, read_labels

IMAGE = np.random.RandomState(0).randint(0, 256, (4, 6, 3), np.uint8)
LABELS = np.zeros((4, 6), np.uint8)


def save(path, array, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(array, np.uint8))
    if palette:
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette(palette)
    image.save(path)
    return path


def labelled(image, label, values=LABELS, pixels=IMAGE, **options):
    save(image, pixels)
    save(label, values, **options)


def record(plan, split, number=0):
    """(image, labels) as the record of a sample holds them."""
    features = decode_example(plan.encode(plan.splits[split][number]).payload)
    return (
        read_image(features["image/encoded"][0]),
        read_labels(features["image/segmentation/class/encoded"][0]),
    )


def problems(plan):
    return take_census(plan).problems


def values(*numbers):
    labels = LABELS.copy()
    labels[0, : len(numbers)] = numbers
    return labels


def shards(root, labels, split="train", key="image/class/label"):
    root.mkdir(exist_ok=True)
    for shard in range(2):
        with open(root / f"{split}-{shard:05d}-of-00002", "wb") as stream:
            for label in labels[shard::2]:
                features = {"image/encoded": encode_png(IMAGE), key: label}
                stream.write(frame(encode_example(features)))
    return root


def camvid_tree(root, labels=LABELS, suffix="png"):
    for split in ("train", "val", "test"):
        labelled(root / f"{split}/a.{suffix}", root / f"{split}annot/a.png", labels)


def two_people(root):
    root.mkdir()
    save(root / "images/a.png", IMAGE)
    person = {"image": "a.png", "joints": [[1, 1]] * 16, "joints_vis": [1] * 16}
    person |= {"center": [3, 2], "scale": 0.02}
    (root / "valid.json").write_text(json.dumps([person]))
    (root / "train.json").write_text("[]")


def camvid_val(root):
    labelled(root / "val/a.png", root / "valannot/a.png")


def ade20k_val(root):
    labelled(root / "images/validation/a.jpg", root / "annotations/validation/a.png")


def coco_content(*annotations, name="a.jpg"):
    """Annotations of one image, of the categories 1 (cat) and 3 (dog) of the animals."""
    boxed = {"image_id": 7, "category_id": 1, "bbox": [1, 0, 3, 2]}
    return {
        "images": [{"id": 7, "file_name": name, "height": 4, "width": 6}],
        "annotations": [boxed | {"id": n} | fields for n, fields in enumerate(annotations, 1)],
        "categories": [
            {"id": 3, "name": "dog", "supercategory": "animal"},
            {"id": 1, "name": "cat", "supercategory": "animal"},
        ],
    }


def coco_val(root):
    save(root / "val2017/a.jpg", IMAGE)
    (root / "annotations").mkdir()
    (root / "annotations/instances_val2017.json").write_text(json.dumps(coco_content({})))


VOC_XML = """<annotation><filename>a.jpg</filename><size><width>6</width><height>4</height></size>
<object><name>cat</name><difficult>0</difficult><bndbox><xmin>2</xmin><ymin>1</ymin><xmax>4</xmax>
<ymax>2</ymax></bndbox></object></annotation>"""
CVAT_XML = """<annotations><meta><task><labels><label><name>dog</name></label><label><name>cat</name>
</label></labels></task></meta><image id="0" name="a.jpg" subset="Validation" width="6" height="4">
<box label="cat" xtl="1" ytl="0" xbr="4" ybr="2"/></image></annotations>"""


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def visual_genome_val(root):
    save(root / "VG_100K_2/7.jpg", IMAGE)
    url = "https://somewhere/rak248/VG_100K_2/7.jpg"
    image = {"image_id": 7, "width": 6, "height": 4, "url": url, "coco_id": 5}
    box = {"object_id": 1, "x": 1, "y": 0, "w": 3, "h": 2, "synsets": ["tree.n.01"]}
    put(root / "image_data.json", [image])
    put(root / "objects.json", [{"image_id": 7, "objects": [box]}])
    put(root / "annotations/instances_minival2014.json", {"images": [{"id": 5}]})


def voc_xml_val(root):
    save(root / "JPEGImages/a.jpg", IMAGE)
    put(root / "Annotations/a.xml", VOC_XML)
    put(root / "ImageSets/Main/val.txt", "a\n")


def yolo_val(root):
    save(root / "images/val/a.jpg", IMAGE)
    put(root / "labels/val/a.txt", "1 0.5 0.25 0.5 0.5\n")
    put(root / "data.yaml", "names: [dog, cat]\n")


def labelme_content(*shapes):
    """labelme's JSON of one image; shapes are a square polygon of a cat where nothing else is said."""
    points = [[1, 0], [4, 0], [4, 2], [1, 2]]
    shapes = [{"label": "cat", "points": points} | shape for shape in shapes]
    return {"shapes": shapes, "imagePath": "a.jpg", "imageHeight": 4, "imageWidth": 6}


def labelme_val(root):
    save(root / "val/a.jpg", IMAGE)
    put(root / "val/a.json", labelme_content({}))


def cvat_val(root):
    save(root / "images/a.jpg", IMAGE)
    put(root / "annotations.xml", CVAT_XML)


def cocostuff164k_val(root):
    for folder in ("images/train2017", "annotations/train2017"):
        (root / folder).mkdir(parents=True)
    labelled(root / "images/val2017/a.jpg", root / "annotations/val2017/a.png")


def lip_val(root):
    for folder in ("TrainVal_images/train_images", "TrainVal_parsing_annotations"):
        (root / folder).mkdir(parents=True)
    labels = root / "TrainVal_parsing_annotations/val_segmentations/a.png"
    labelled(root / "TrainVal_images/val_images/a.jpg", labels)


def cocostuff10k_test(root):
    save(root / "images/a.jpg", IMAGE)
    (root / "annotations").mkdir()
    scipy.io.savemat(root / "annotations/a.mat", {"S": LABELS})
    (root / "imageLists").mkdir()
    (root / "imageLists/test.txt").write_text("a\n")


def voc_val(root):
    labelled(root / "JPEGImages/a.jpg", root / "SegmentationClass/a.png")
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    (root / "ImageSets/Segmentation/val.txt").write_text("a\n")


def imagenet_val(root):
    save(root / "val/cat/a.jpg", IMAGE)


def cityscapes_val(root):
    city = "val/ulm/ulm_000000_000019"
    labelled(
        root / f"leftImg8bit/{city}_leftImg8bit.png",
        root / f"gtFine/{city}_gtFine_labelTrainIds.png",
    )


def kitti_road_val(root):
    lists = importlib.resources.files("lfp_tf.data.datasets") / "kitti_lists"
    for line in (lists / "kitti_val_list.txt").read_text().splitlines():
        image, label = line.split()
        labelled(root / "training/image_2" / image, root / "training/gt_image_2" / label)


def folder_val(root):
    labelled(root / "val/images/a.png", root / "val/labels/a.png")
    (root / "train/images").mkdir(parents=True)
    (root / "train/labels").mkdir()


# Each tree has one split; the other is missing or empty.
TREES = {
    "ade20k": ade20k_val,
    "camvid": camvid_val,
    "cityscapes": cityscapes_val,
    "coco": coco_val,
    "coco_json": coco_val,
    "cocostuff10k": cocostuff10k_test,
    "cocostuff10k_171": cocostuff10k_test,
    "cocostuff164k": cocostuff164k_val,
    "cocostuff164k_171": cocostuff164k_val,
    "cvat": cvat_val,
    "folder": folder_val,
    "imagenet": imagenet_val,
    "kitti_road": kitti_road_val,
    "labelme": labelme_val,
    "lip": lip_val,
    "mpii": two_people,
    "visual_genome": visual_genome_val,
    "voc": voc_val,
    "voc_xml": voc_xml_val,
    "yolo": yolo_val,
}


def leeds(root, folder="lsp_dataset"):
    save(root / folder / "images/a.png", IMAGE)
    shape = (3, 14, 1) if folder == "lsp_dataset" else (14, 3, 1)
    scipy.io.savemat(root / folder / "joints.mat", {"joints": np.ones(shape)})


def leeds_and_mpii(root):
    root.mkdir()
    two_people(root / "mpii")
    leeds(root)
    leeds(root, "lspet_dataset")


ALL_TREES = TREES | {"lsp": leeds, "mpii_lsp": leeds_and_mpii}
