"""Which networks the papers' metrics are measured with, and where their weights lie."""

from pydantic import Field

from data_specs.strict import Strict


class NetworkFile(Strict):
    """A weights file that was published."""

    weights: str = Field("", description="its path, or that of a safetensors file of the same names")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="of a file that is not the published one")


class PublishedEmbedderParams(Strict):
    """Inception for FID and KID, AlexNet for LPIPS, CLIP for the text alignment."""

    inception: NetworkFile = Field(NetworkFile.model_validate({}), description="weights-inception-2015-12-05-6726825d.pth")
    alexnet: NetworkFile = Field(NetworkFile.model_validate({}), description="alexnet-owt-7be5be79.pth")
    clip: str = Field("hub:openai/clip-vit-large-patch14", description="hub:OWNER/REPO or path:FOLDER of a CLIPModel with its tokenizer")
