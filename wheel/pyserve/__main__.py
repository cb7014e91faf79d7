from pyserve.command import main

main()
