"""Run a command in an image's root file system: no daemon, no root.

::

    rootfs_layers(image) -> spec_for(image, layers) -> RunSpec --run--> exit status
                                                               --capture--> status and output

`spec` is what to run, `run` starts and waits, `probe` says what this machine allows. Modules with a leading
underscore run in the processes between paddlewheel and the program; they import little and nothing from outside.
"""
