"""Pages and API name models of the registry and of the project; a path of the server is no name."""

import pytest

from cellapp.classification.head_io import save_head
from cellapp.errors import InputError
from cellapp.models.registry import MODELS, registry
from cellapp.models.status import own_heads
from cellapp.settings import AnalyseSettings, ClassifySettings, SegmentSettings, VectorSettings
from cellapp.store.heads import add_head, remove_head
from cellapp.store.named_models import require_named, require_named_models
from cellapp.store.projects import create_project, default_project
from cellapp.store.runs import create_run
from tests.classification.heads import random_head
from tests.pages.seeding import seed_image

KINDS = ("segmenter", "encoder", "head")


@pytest.mark.parametrize("kind", KINDS)
def test_declared_models_are_named_by_their_own_kind_only(kind):
    project = default_project().id
    for model in registry().values():
        if model.kind == kind:
            require_named(project, kind, model.name)
        else:
            with pytest.raises(InputError, match=f"{model.name}' is an? {model.kind} and no {kind}; choose one of"):
                require_named(project, kind, model.name)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", ["/etc/passwd", str(MODELS / "compact"), "../models/cell-vit", "models/demo-head", ""])
def test_paths_are_no_names(kind, path):
    with pytest.raises(InputError, match=f"no {kind} "):
        require_named(default_project().id, kind, path)


def test_a_head_is_named_in_its_own_project_also_from_the_bin(tmp_path):
    save_head(random_head(name="mine"), tmp_path / "mine")
    project = default_project().id
    kept = add_head(project, tmp_path / "mine")
    require_named(project, "head", kept.identity)
    with pytest.raises(InputError, match="no head"):
        require_named(create_project("other").id, "head", kept.identity)
    remove_head(kept.id)
    require_named(project, "head", kept.identity)


def test_a_near_name_is_offered():
    with pytest.raises(InputError, match="no segmenter 'compct' here; did you mean 'compact'"):
        require_named(default_project().id, "segmenter", "compct")


@pytest.mark.parametrize(
    "settings",
    [
        AnalyseSettings(segment=SegmentSettings(segmenter=str(MODELS / "compact"))),
        AnalyseSettings(classify=ClassifySettings(head=str(MODELS / "demo-head"))),
        AnalyseSettings(classify=ClassifySettings(encoder=str(MODELS / "cell-vit"))),
        VectorSettings(encoder=str(MODELS / "cell-vit")),
    ],
)
def test_no_settings_name_a_path(tmp_path, settings):
    seeded = seed_image(tmp_path)
    with pytest.raises(InputError, match="did you mean|choose one of"):
        require_named_models(seeded.project.id, settings)
    if isinstance(settings, AnalyseSettings):
        with pytest.raises(InputError):
            create_run(seeded.project.id, [seeded.image.id], settings)


def test_heads_that_people_put_into_the_data_folder_are_offered_and_taken(tmp_path, home):
    save_head(random_head(name="mine"), home / "heads" / "mine")
    (offered,) = own_heads()
    require_named(default_project().id, "head", offered)
