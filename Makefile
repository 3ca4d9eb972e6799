# Every command is `python3 -m launcher COMMAND`; variables given to make reach it through the environment.
PYTHON ?= python3
COMMANDS := run upgrade stop status logs shell clean image base wheelhouse help \
            test test-full upgrade-test lint types unit integration bench

.DEFAULT_GOAL := help
.PHONY: $(COMMANDS)
$(COMMANDS):
	@$(PYTHON) -m launcher $@
