"""Deployment shapes, the provider's ready-made sizes, each with one validated version."""

from dataclasses import dataclass

from firewarden.providers.simulated.plan import Json

_PUBLISHED = "2026-08-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One size of one model."""

    shape_id: str
    model: str
    accelerator_type: str
    accelerator_count: int
    preset: str
    version_id: str = "v1"


SHAPES = (
    Shape(
        shape_id="gpt-oss-120b-fast",
        model="accounts/fireworks/models/gpt-oss-120b",
        accelerator_type="NVIDIA_H200_141GB",
        accelerator_count=4,
        preset="FAST",
    ),
    Shape(
        shape_id="gpt-oss-120b-minimal",
        model="accounts/fireworks/models/gpt-oss-120b",
        accelerator_type="NVIDIA_H100_80GB",
        accelerator_count=1,
        preset="MINIMAL",
    ),
    Shape(
        shape_id="llama-70b-throughput",
        model="accounts/fireworks/models/llama-v3p3-70b-instruct",
        accelerator_type="NVIDIA_B200_180GB",
        accelerator_count=2,
        preset="THROUGHPUT",
    ),
)


def shape(account_id: str, one: Shape) -> Json:
    """Describe *one* under *account_id*; ``-`` stands for the provider's own account."""
    owner = "fireworks" if account_id == "-" else account_id
    return {
        "name": f"accounts/{owner}/deploymentShapes/{one.shape_id}",
        "displayName": one.shape_id,
        "createTime": _PUBLISHED,
        "updateTime": _PUBLISHED,
        "baseModel": one.model,
        "parameterCount": "120000000000",
        "acceleratorCount": one.accelerator_count,
        "acceleratorType": one.accelerator_type,
        "precision": "FP8",
        "presetType": one.preset,
    }


def shape_version(account_id: str, one: Shape) -> Json:
    """Describe the one version of *one*."""
    described = shape(account_id, one)
    return {
        "name": f"{described['name']}/versions/{one.version_id}",
        "createTime": _PUBLISHED,
        "snapshot": described,
        "validated": True,
        "public": True,
        "latestValidated": True,
    }
