"""Small models of photos and texts with real tokenizers, built on the spot: both towers, random weights."""

from pathlib import Path

from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    Siglip2Tokenizer,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

from imgsim_tests.vision.backbones.model_files import SIDE

TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
START, END = "<|startoftext|>", "<|endoftext|>"
MERGES = ["r e", "re d</w>", "b l", "bl u", "blu e</w>", "c a", "ca t</w>"]


def save_two_towers(folder: Path, kind: str, seed: int = 0) -> Path:
    """Write a repository of `clip` or `siglip` as the published ones are: weights of both towers, and a tokenizer."""
    import torch

    torch.manual_seed(seed)
    vision = {**TOWER, "image_size": SIDE, "patch_size": 8}
    (tokenizer := {"clip": clip_tokenizer, "siglip": siglip_tokenizer}[kind]()).save_pretrained(folder)
    text = {**TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": {"clip": 24, "siglip": 10}[kind]}
    if kind == "clip":
        text |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        model = CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=24))
        processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    else:
        model = SiglipModel(SiglipConfig(vision_config=vision, text_config={**text, "projection_size": 32}))
        processor = SiglipImageProcessor(size={"height": SIDE, "width": SIDE})
    with torch.no_grad():
        # As made, weights are so small that every activation function is a straight line to them.
        for matrix in (parameter for parameter in model.parameters() if parameter.ndim == 2):
            matrix.mul_(6)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def clip_tokenizer() -> CLIPTokenizer:
    """CLIP's own byte-level BPE, over a few merges."""
    bytes_ = list(bytes_to_unicode().values())
    words = [*bytes_, *(f"{one}</w>" for one in bytes_), *("".join(pair.split()) for pair in MERGES), START, END]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=[tuple(pair.split()) for pair in MERGES]
    )


def siglip_tokenizer() -> Siglip2Tokenizer:
    """SigLIP 2's own, which splits at blanks, falls back to bytes, ends each text and fills it up at its end."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = [*"abcdefghijklmnopqrstuvwxyz", "▁", "re", "red", "▁red"]
    words = [*special, *letters, *(f"<0x{byte:02X}>" for byte in range(256))]
    merges = [("r", "e"), ("re", "d"), ("▁", "red")]
    vocab = {word: number for number, word in enumerate(words)}
    tokenizer = Siglip2Tokenizer(vocab=vocab, merges=merges, padding_side="right")
    ended = TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", vocab["<eos>"])])
    tokenizer.backend_tokenizer.post_processor = ended
    return tokenizer
