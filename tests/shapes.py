"""The run-time type checker that the tests put under every function of the package."""

from beartype import BeartypeConf, beartype

# An int is welcome where a float is asked for, as mypy has it.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
