"""An embedded CSMS, with the IAM, SMN and ECS metadata calls that clients of it need.

```
world = CsmsWorld(demo_seed())
async with serving(build_app(world)) as base_url: ...
```
"""

from bot.sandbox.csms.app import build_app
from bot.sandbox.csms.generator import run_generator
from bot.sandbox.csms.model import Seed
from bot.sandbox.csms.seed import demo_seed, load_seed
from bot.sandbox.csms.world import CsmsWorld

__all__ = ["CsmsWorld", "Seed", "build_app", "demo_seed", "load_seed", "run_generator"]
